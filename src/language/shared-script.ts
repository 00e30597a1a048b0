import { judge, turningPoint } from './detector.ts';
import type { Drift, Fragment } from './foreign-runs.ts';
import type { Script } from './script.ts';
import type { Word } from './token.ts';

/** Words that are judged together, and words after which they are judged anew. */
const WINDOW = 8;
const STEP = 4;
/** Fewer say nothing alone: a shorter sentence goes with the next one. */
const MIN_WORDS = 4;

interface ForeignStretch {
  readonly first: Word;
  last: Word;
  readonly language: string;
  windows: number;
  isDrift: boolean;
}

/**
 * Finds where words leave the expected language for another one of the same script. Sentence by sentence, in windows
 * that overlap; one window alone counts when it leaves no doubt.
 */
export class SharedScript {
  readonly #script: Script;
  readonly #expected: string;
  readonly #onDrift: (drift: Drift) => void;
  readonly #onFragment: (fragment: Fragment) => void;
  #words: Word[] = [];
  #judged = 0;
  /** Where the part of the sentence after the last comma begins. */
  #part = 0;
  #hasParts = false;
  #seenOwn = false;
  #stretch: ForeignStretch | null = null;

  constructor(
    script: Script,
    expected: string,
    onDrift: (drift: Drift) => void,
    onFragment: (fragment: Fragment) => void,
  ) {
    this.#script = script;
    this.#expected = expected;
    this.#onDrift = onDrift;
    this.#onFragment = onFragment;
  }

  word(word: Word): void {
    this.#words.push(word);
    if (this.#words.length >= WINDOW && this.#words.length - this.#judged >= STEP) this.#judge();
    // Of a long sentence no more than a window is needed.
    if (this.#words.length < 4 * WINDOW) return;
    this.#words = this.#words.slice(-WINDOW);
    this.#judged = WINDOW;
    this.#part = 0;
  }

  /** A comma. One word between two of them is an item of a list: a name, a dish, a loan word. */
  mark(): void {
    if (this.#hasParts && this.#words.length - this.#part === 1) this.#words.pop();
    this.#part = this.#words.length;
    this.#judged = Math.min(this.#judged, this.#part);
    this.#hasParts = true;
  }

  sentenceEnd(): void {
    if (this.#hasParts) this.mark();
    this.#hasParts = false;
    if (this.#words.length < MIN_WORDS) return;
    if (this.#words.length > this.#judged) this.#judge();
    this.#words = [];
    this.#judged = 0;
    this.#part = 0;
  }

  end(): void {
    this.sentenceEnd();
    const stretch = this.#stretch;
    if (stretch !== null && !this.#seenOwn) this.#confirm(stretch);
    this.#closeStretch();
  }

  #judge(): void {
    const window = this.#words.slice(-WINDOW);
    this.#judged = this.#words.length;
    const texts = window.map(({ text }) => text.toLowerCase());
    const verdict = judge(texts, this.#script, this.#expected);
    if (verdict.foreign === null) {
      this.#seenOwn = true;
      this.#closeStretch();
      return;
    }
    const stretch = this.#extended(window, texts, verdict.foreign);
    stretch.windows++;
    if (stretch.windows > 1 || (verdict.isSure && window.length > MIN_WORDS)) this.#confirm(stretch);
  }

  #extended(window: readonly Word[], texts: readonly string[], language: string): ForeignStretch {
    const last = window.at(-1)!;
    if (this.#stretch === null) {
      const turn = turningPoint(texts, this.#script, this.#expected, language);
      this.#stretch = { first: window[turn] ?? window[0]!, last, language, windows: 0, isDrift: false };
    }
    this.#stretch.last = last;
    return this.#stretch;
  }

  #confirm(stretch: ForeignStretch): void {
    stretch.isDrift = true;
    this.#onDrift({ offset: stretch.first.offset, language: stretch.language });
  }

  #closeStretch(): void {
    const stretch = this.#stretch;
    this.#stretch = null;
    if (stretch === null || !stretch.isDrift) return;
    const { first, last, language } = stretch;
    this.#onFragment({ offset: first.offset, end: last.end, script: this.#script, language });
  }
}

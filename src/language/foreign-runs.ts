import { isUnspaced, type Script } from './script.ts';

/** What drifted, and where the language is another for the first time. */
export interface Drift {
  /** UTF-16 units from the start of the answer. */
  readonly offset: number;
  /** ISO 639-1; null when undetermined. */
  readonly language: string | null;
}

/** A stretch of text in another script than the answer's, or in a language that was recognised. */
export interface Stretch {
  readonly offset: number;
  readonly end: number;
  readonly script: Script;
  /** Null: to be found out of the whole run. */
  readonly language: string | null;
  /** How much it says, in words: a name says nothing. */
  readonly weight: number;
}

export interface Fragment {
  readonly offset: number;
  readonly end: number;
  readonly script: Script;
  readonly language: string | null;
}

/** In words. A sentence that is foreign as a whole, and the end of one; a line without a full stop, which may be a title. */
const SENTENCE = 4;
const TAIL = 6;
const LINE = 6;
/** Words in the middle of a sentence that are no term any more; in quotation marks or brackets, no quotation. */
const RUN = 8;
const QUOTATION = 30;

interface Run {
  offset: number;
  end: number;
  script: Script;
  language: string | null;
  weight: number;
  /** Since the sentence began. */
  inSentence: number;
  /** Whole lines that said something before. */
  hasHeavyLine: boolean;
}

const family = (script: Script): Script => (script === 'Kana' ? 'Han' : script);

/** Joins stretches into runs, and says when a run is a drift: it is sure, and is never taken back. */
export class ForeignRuns {
  readonly #onDrift: (drift: Drift) => void;
  readonly #languageOf: (run: Fragment) => string | null;
  readonly fragments: Fragment[] = [];
  #run: Run | null = null;
  #lineHasOwn = false;
  #sentenceHasOwn = false;
  #depth = 0;

  constructor(onDrift: (drift: Drift) => void, languageOf: (run: Fragment) => string | null) {
    this.#onDrift = onDrift;
    this.#languageOf = languageOf;
  }

  /** Inside of quotation marks or brackets, on a line that began in the expected language. */
  get isQuotation(): boolean {
    return this.#depth > 0 && this.#lineHasOwn;
  }

  get hasRun(): boolean {
    return this.#run !== null;
  }

  /** Of the run that is open, where it was told. */
  get language(): string | null {
    return this.#run?.language ?? null;
  }

  extend(stretch: Stretch): void {
    let run = this.#run;
    if (run !== null && !continues(run, stretch)) {
      this.#close();
      run = null;
    }
    if (run === null) {
      const { offset, end, script, language } = stretch;
      run = { offset, end, script, language, weight: 0, inSentence: 0, hasHeavyLine: false };
      this.#run = run;
    }
    run.end = stretch.end;
    run.weight += stretch.weight;
    run.inSentence += stretch.weight;
    if (run.inSentence >= (this.isQuotation ? QUOTATION : RUN)) this.#drift(run);
  }

  /** A word in the expected language. */
  own(): void {
    this.#lineHasOwn = true;
    this.#sentenceHasOwn = true;
    if (this.#run !== null) this.#close();
  }

  open(): void {
    this.#depth++;
  }

  close(): void {
    this.#depth = Math.max(0, this.#depth - 1);
  }

  stop(): void {
    const run = this.#run;
    if (this.isQuotation) return;
    if (run !== null && run.inSentence >= (this.#sentenceHasOwn ? TAIL : SENTENCE)) this.#drift(run);
    if (run !== null) run.inSentence = 0;
    this.#sentenceHasOwn = false;
  }

  line(): void {
    const run = this.#run;
    if (run !== null) {
      const isHeavy = run.inSentence >= SENTENCE;
      if (run.inSentence >= LINE || (isHeavy && run.hasHeavyLine)) this.#drift(run);
      run.hasHeavyLine ||= isHeavy;
      run.inSentence = 0;
    }
    this.#depth = 0;
    this.#lineHasOwn = false;
    this.#sentenceHasOwn = false;
  }

  end(): void {
    this.stop();
    if (this.#run !== null) this.#close();
  }

  #drift(run: Run): void {
    this.#onDrift({ offset: run.offset, language: run.language ?? this.#languageOf(run) });
  }

  #close(): void {
    const run = this.#run;
    this.#run = null;
    if (run === null || run.weight === 0) return;
    const { offset, end, script } = run;
    this.fragments.push({ offset, end, script, language: run.language ?? this.#languageOf(run) });
  }
}

/** Another script, or another language of the same, begins a run of its own; a single name does not. */
function continues(run: Run, { script, language, weight }: Stretch): boolean {
  if (family(run.script) === family(script)) return run.language === language;
  return weight === 0 && !isUnspaced(script);
}

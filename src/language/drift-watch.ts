import { detect, isShared } from './detector.ts';
import { expectedLanguage } from './expected-language.ts';
import { ForeignRuns, type Drift, type Fragment } from './foreign-runs.ts';
import { clauseParts, stretch } from './han-clause.ts';
import { hanLanguage } from './han.ts';
import type { LanguageReport } from './report.ts';
import { isUnspaced, lettersIn, scriptsOf, wordsIn, type Script } from './script.ts';
import { SharedScript } from './shared-script.ts';
import { Tally } from './tally.ts';
import type { Token, Word } from './token.ts';
import { Tokenizer } from './tokenizer.ts';

export interface DriftWatchOptions {
  /** Other texts that may ask for a language, such as system messages; the prompt itself goes first. */
  readonly instructions?: readonly string[];
  /** ISO 639-1, where it is known: then nothing is made of the prompt. */
  readonly expected?: string | null;
}

/** Characters that tell a language; more tell no more. */
const MAX_SAMPLE = 400;
const MAX_CLAUSE = 20;

const UNITS = new Set(
  'km cm mm nm kg mg ml kb mb gb tb kib mib gib hz khz mhz ghz kw kwh mw px pt em rem ms min sec s h m g l fps rpm bit bits byte bytes tokens'.split(
    ' ',
  ),
);
const SMALL_WORDS = new Set(['a', 'i', 'o', 'e', 'y', 'à', 'é', 'u']);

/**
 * Follows an answer as it comes and says as early as it is sure that it drifts. What it reports at the end does not
 * depend on how the text was cut.
 */
export class DriftWatch {
  readonly #promptLanguage: string | null;
  readonly #expected: string | null;
  readonly #scripts: ReadonlySet<Script>;
  /** Pairs of words that the prompt has in other languages. */
  readonly #quotable: ReadonlySet<string>;
  readonly #texts: string[] = [];
  readonly #tokenizer = new Tokenizer((token) => this.#take(token));
  readonly #tally: Tally;
  readonly #runs: ForeignRuns;
  readonly #shared = new Map<Script, SharedScript>();
  readonly #fragments: Fragment[] = [];
  #drift: Drift | null = null;
  #clause: Word[] = [];
  /** Of the sentence, what could be Chinese as well as Japanese. */
  #either: Word[] = [];
  #letters = 0;
  #ownLetters = 0;
  #isSentenceStart = true;
  #previous: Token | null = null;
  /** A sentence began with a capital letter: a name, or its first word if another one follows. */
  #isPending = false;
  /** Of the run of foreign words that is open. */
  #sample = '';
  #report: LanguageReport | null = null;

  constructor(promptText: string, { instructions = [], expected: known }: DriftWatchOptions = {}) {
    const { promptLanguage, expected: asked, quotable } = expectedLanguage(promptText, instructions);
    const expected = known ?? asked;
    this.#promptLanguage = promptLanguage;
    this.#expected = expected;
    this.#scripts = expected === null ? new Set() : scriptsOf(expected);
    this.#quotable = expected === null ? new Set() : pairsIn(quotable);
    this.#tally = new Tally(expected);
    this.#runs = new ForeignRuns(
      (drift) => this.#found(drift),
      ({ script }) => this.#sampledLanguage(script),
    );
  }

  get expectedLanguage(): string | null {
    return this.#expected;
  }

  /** Null while there is none; once there is one, it stays. */
  get drift(): Drift | null {
    return this.#drift;
  }

  push(textPiece: string): Drift | null {
    if (this.#report !== null) throw new Error('The answer has ended.');
    this.#texts.push(textPiece);
    this.#tokenizer.push(textPiece);
    return this.#drift;
  }

  /** The answer is whole. */
  finish(): LanguageReport {
    this.#report ??= this.#makeReport();
    return this.#report;
  }

  #makeReport(): LanguageReport {
    this.#tokenizer.end();
    this.#endClause();
    this.#runs.end();
    for (const shared of this.#shared.values()) shared.end();
    const text = this.#texts.join('');
    const counts = [...this.#tally.counts()];
    const total = counts.reduce((sum, [, letters]) => sum + letters, 0);
    const isMeasured = this.#expected !== null && this.#letters > 0;
    return {
      promptLanguage: this.#promptLanguage,
      expectedLanguage: this.#expected,
      answerLanguage: counts[0]?.[0] ?? null,
      languages: counts.map(([language, letters]) => ({ language, share: letters / total })),
      consistency: isMeasured ? this.#ownLetters / this.#letters : 1,
      driftOffset: this.#drift?.offset ?? null,
      foreignFragments: [...this.#runs.fragments, ...this.#fragments]
        .sort((a, b) => a.offset - b.offset)
        .map(({ offset, end, language }) => {
          return { offset, length: end - offset, text: text.slice(offset, end), language };
        }),
    };
  }

  #take(token: Token): void {
    this.#tally.take(token);
    if (this.#expected !== null) this.#follow(token);
    if (token.type === 'stop' || token.type === 'line') {
      this.#isSentenceStart = true;
      this.#isPending = false;
    }
    if (token.type === 'word') this.#isSentenceStart = false;
    this.#previous = token;
  }

  #follow(token: Token): void {
    if (token.type === 'word') {
      this.#word(token);
      return;
    }
    if (token.type === 'skipped') return;
    this.#endClause();
    if (token.type === 'stop' || token.type === 'line') this.#settleEither();
    if (token.type === 'open') this.#runs.open();
    if (token.type === 'close') this.#runs.close();
    if (token.type === 'stop') this.#runs.stop();
    for (const shared of this.#shared.values())
      if (token.type === 'mark') shared.mark();
      else if (token.type === 'stop' || token.type === 'line') shared.sentenceEnd();
    if (token.type === 'line') this.#runs.line();
  }

  #word(word: Word): void {
    const letters = lettersIn(word.text);
    const isOwn = this.#scripts.has(word.script);
    this.#letters += letters;
    if (isOwn) this.#ownLetters += letters;
    const isHan = word.script === 'Han' || word.script === 'Kana';
    if (isHan && (this.#expected === 'ja' || this.#expected === 'zh')) {
      this.#clause.push(word);
      if (this.#clause.length >= MAX_CLAUSE) this.#endClause();
      return;
    }
    this.#endClause();
    if (isOwn) this.#ownWord(word);
    else this.#foreignWord(word, letters);
  }

  #ownWord(word: Word): void {
    const isName = word.isCapital && !this.#isSentenceStart;
    const isQuoted = this.#isQuoted(word) || this.#runs.isQuotation;
    this.#own();
    this.#isPending = false;
    if (!isShared(word.script) || isName || isQuoted) return;
    this.#sharedOf(word.script).word(word);
  }

  #sharedOf(script: Script): SharedScript {
    let shared = this.#shared.get(script);
    if (shared === undefined) {
      const onFragment = (fragment: Fragment) => void this.#fragments.push(fragment);
      shared = new SharedScript(script, this.#expected!, (drift) => this.#found(drift), onFragment);
      this.#shared.set(script, shared);
    }
    return shared;
  }

  #foreignWord(word: Word, letters: number): void {
    this.#settleEither();
    const weight = this.#weightOf(word, letters);
    if (!this.#runs.hasRun) this.#sample = '';
    const mayBegin = word.isCapital || SMALL_WORDS.has(word.text.toLowerCase());
    if (weight === 0 && !this.#runs.hasRun && !mayBegin) return;
    if (this.#sample.length < MAX_SAMPLE) this.#sample += `${word.text} `;
    const { offset, end, script } = word;
    this.#runs.extend({ offset, end, script, language: null, weight });
  }

  #weightOf(word: Word, letters: number): number {
    const { script, text, isCapital } = word;
    if (isUnspaced(script) || script === 'Hangul') return wordsIn(text, script);
    const lower = text.toLowerCase();
    const isUnit = this.#previous?.type === 'skipped' && UNITS.has(lower);
    const isLetter = letters === 1 && !(SMALL_WORDS.has(lower) && this.#runs.hasRun);
    if (isUnit || isLetter || this.#isQuoted(word)) return 0;
    if (isCapital) {
      this.#isPending ||= this.#isSentenceStart;
      return 0;
    }
    const weight = this.#isPending && this.#runs.hasRun ? 2 : 1;
    this.#isPending = false;
    return weight;
  }

  /** Words that the prompt has, too, in that order. */
  #isQuoted({ text }: Word): boolean {
    const before = this.#previous;
    if (this.#quotable.size === 0 || before?.type !== 'word') return false;
    return this.#quotable.has(pair(before.text, text));
  }

  #endClause(): void {
    const clause = this.#clause;
    if (clause.length === 0) return;
    this.#clause = [];
    const parts = clauseParts(clause, this.#expected!, this.#runs.language);
    for (const [index, part] of parts.entries())
      if (part === 'either') this.#either.push(clause[index]!);
      else if (part === 'own') this.#own();
      else {
        for (const word of this.#either) this.#runs.extend(stretch(word, part.language!));
        this.#either = [];
        this.#runs.extend(part);
      }
  }

  #own(): void {
    this.#either = [];
    this.#runs.own();
  }

  /** What nothing in its sentence says to be Chinese is not. */
  #settleEither(): void {
    if (this.#either.length > 0) this.#own();
  }

  #sampledLanguage(script: Script): string | null {
    const sample = this.#sample.trim();
    if (script === 'Han' || script === 'Kana')
      return /[\p{Script=Hiragana}\p{Script=Katakana}]/u.test(sample) ? 'ja' : hanLanguage(sample, false);
    return detect(sample, script);
  }

  #found(drift: Drift): void {
    this.#drift ??= drift;
  }
}

const pair = (first: string, second: string): string => `${first} ${second}`.toLowerCase();

function pairsIn(passages: readonly string[]): ReadonlySet<string> {
  const pairs = new Set<string>();
  let before = '';
  const tokenizer = new Tokenizer((token) => {
    if (token.type !== 'word') return;
    pairs.add(pair(before, token.text));
    before = token.text;
  });
  for (const passage of passages) tokenizer.push(`${passage}\n`);
  tokenizer.end();
  return pairs;
}

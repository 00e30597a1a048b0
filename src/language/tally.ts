import { detect, isShared, judge } from './detector.ts';
import { hanLanguage } from './han.ts';
import { languagesOf, scriptsOf, wordsIn, type Script } from './script.ts';
import type { Token, Word } from './token.ts';

/** Words of one script that are judged together at most. */
const MAX_WORDS = 40;
/** Fewer say nothing alone: they go with the rest. */
const MIN_WORDS = 3;
const MAX_SAMPLE = 300;

/** A quotation is judged by itself. */
const ENDS: ReadonlySet<Token['type']> = new Set(['stop', 'line', 'open', 'close']);

/** Counts the words of a text by language, sentence by sentence; the letters of scripts without spaces by what they are worth. */
export class Tally {
  /** The language to believe in where words could be of several. */
  readonly #likely: string | null;
  readonly #counts = new Map<string, number>();
  #words = new Map<Script, Word[]>();
  /** Words since the last comma. */
  #part = 0;
  #clause: Word[] = [];
  /** Han characters that could be either: of the whole text, and of this sentence, with what it has of each language. */
  #eitherHan = 0;
  /** Of the last sentence that told. */
  #before: 'zh' | 'ja' | null = null;
  #han = { zh: 0, ja: 0, either: 0 };
  /** Words too few to tell, with some of them. */
  readonly #few = new Map<Script, { count: number; sample: string }>();

  constructor(likely: string | null) {
    this.#likely = likely;
  }

  take(token: Token): void {
    if (token.type === 'word') this.#takeWord(token);
    else if (token.type !== 'skipped') this.#endClause();
    if (token.type === 'mark') this.#endPart();
    if (ENDS.has(token.type)) this.#endSentence();
  }

  /** Words by language, most first; what no language is known for is left out. */
  counts(): ReadonlyMap<string, number> {
    this.#endClause();
    this.#endSentence();
    for (const [script, few] of this.#few) this.#settleFew(script, few);
    this.#few.clear();
    const han = this.#hanLanguage();
    if (han !== null) this.#add(han, this.#eitherHan);
    this.#eitherHan = 0;
    return new Map([...this.#counts].sort(([, a], [, b]) => b - a));
  }

  #takeWord(word: Word): void {
    if (word.script === 'Han' || word.script === 'Kana') {
      this.#clause.push(word);
      if (this.#clause.length >= MAX_WORDS) this.#endClause();
      return;
    }
    this.#endClause();
    // A letter alone is a variable, or says little.
    if (word.text.length === 1) return;
    this.#part++;
    const words = this.#words.get(word.script) ?? [];
    if (words.length === 0) this.#words.set(word.script, words);
    words.push(word);
    if (words.length >= MAX_WORDS) this.#endSentence();
  }

  /** One word between two commas goes with the rest: it is a name, a dish, a loan word. */
  #endPart(): void {
    const [[script, words] = [null, []]] = this.#words;
    const isAlone = this.#part === 1 && this.#words.size === 1;
    this.#part = 0;
    const word = isAlone ? words.pop() : undefined;
    if (script !== null && word !== undefined) this.#count(script, [word]);
  }

  #endClause(): void {
    const clause = this.#clause;
    if (clause.length === 0) return;
    this.#clause = [];
    const hasKana = clause.some(({ script }) => script === 'Kana');
    for (const { script, text } of clause) {
      const language = script === 'Kana' ? 'ja' : hanLanguage(text, hasKana);
      this.#han[language ?? 'either'] += wordsIn(text, script);
    }
  }

  #endHan(): void {
    const { zh, ja, either } = this.#han;
    this.#add('zh', zh);
    this.#add('ja', ja);
    if (zh + ja > 0) this.#before = zh > ja ? 'zh' : 'ja';
    if (this.#before === null) this.#eitherHan += either;
    else this.#add(this.#before, either);
    this.#han = { zh: 0, ja: 0, either: 0 };
  }

  #endSentence(): void {
    this.#part = 0;
    const { zh, ja, either } = this.#han;
    const isMixed = this.#words.size > 1 || zh + ja + either > 0;
    this.#endHan();
    if (this.#words.size === 0) return;
    const sentence = this.#words;
    this.#words = new Map();
    for (const [script, words] of sentence) {
      this.#count(script, this.#speaks(script) ? words : withoutNames(words, isMixed));
    }
  }

  #speaks(script: Script): boolean {
    return this.#likely === null || scriptsOf(this.#likely).has(script);
  }

  #count(script: Script, words: readonly Word[]): void {
    if (words.length === 0) return;
    const count = words.reduce((sum, { text }) => sum + wordsIn(text, script), 0);
    const texts = words.map(({ text }) => text);
    if (!isShared(script)) this.#add(detect('', script), count);
    else if (words.length < MIN_WORDS) {
      const few = this.#few.get(script) ?? { count: 0, sample: '' };
      const sample = few.sample.length < MAX_SAMPLE ? `${few.sample} ${texts.join(' ')}` : few.sample;
      this.#few.set(script, { count: few.count + count, sample });
    } else this.#add(this.#languageOf(texts, script), count);
  }

  #languageOf(texts: readonly string[], script: Script): string | null {
    if (this.#likely !== null && this.#speaks(script))
      return judge(texts, script, this.#likely).foreign ?? this.#likely;
    return detect(texts.join(' '), script);
  }

  #settleFew(script: Script, { count, sample }: { count: number; sample: string }): void {
    const known = [...this.#counts.keys()].filter((language) => scriptsOf(language).has(script));
    const most = known.sort((a, b) => this.#counts.get(b)! - this.#counts.get(a)!)[0];
    const own = this.#likely !== null && this.#speaks(script) ? this.#likely : null;
    this.#add(most ?? own ?? detect(sample.trim(), script), count);
  }

  #hanLanguage(): string | null {
    if (this.#likely === 'ja' || this.#likely === 'zh') return this.#likely;
    const [zh, ja] = languagesOf('Han').map((language) => this.#counts.get(language) ?? 0) as [
      number,
      number,
    ];
    return zh === 0 && ja === 0 ? null : ja >= zh ? 'ja' : 'zh';
  }

  #add(language: string | null, count: number): void {
    if (language !== null && count > 0) this.#counts.set(language, (this.#counts.get(language) ?? 0) + count);
  }
}

/** Of words in a script that the text is not expected in: names and titles say nothing. */
function withoutNames(words: readonly Word[], isMixed: boolean): readonly Word[] {
  const others = words.filter(({ isCapital }) => !isCapital);
  return isMixed || others.length < MIN_WORDS ? others : words;
}

import { requestedLanguage } from './requested-language.ts';
import { Tally } from './tally.ts';
import { Tokenizer } from './tokenizer.ts';

/** What is looked at of a long prompt, UTF-16 units at each end: what is asked for stands first or last. */
const MAX_END = 16_384;

const REQUEST =
  /please|summari[sz]e|explain|translate|write|describe|answer|tell me|list |give |correct|proofread|review|what|how|why|ください|下さい|教えて|しなさい|せよ|ですか|ますか|でしょうか|て[。！!]?$|请|請|什么|什麼|怎么|怎麼|吗|嗎|주세요|하세요|해줘|인가요|까요|bitte|erklär|warum|veuillez|expliqu|résum|pourquoi|traduis|por favor|explica|пожалуйста|объясни|расскажи|переведи|почему|اشرح|لخص|ترجم|كيف|لماذا|[?？؟]/iu;

const QUOTES: Readonly<Record<string, string>> = {
  '「': '」',
  '『': '』',
  '“': '”',
  '„': '“',
  '«': '»',
  '《': '》',
  '"': '"',
  '`': '`',
};

interface Passage {
  readonly text: string;
  readonly language: string;
  readonly words: number;
  readonly asks: boolean;
}

export interface ExpectedLanguage {
  /** The language that the prompt itself is written in, whatever it quotes; null when undetermined. */
  readonly promptLanguage: string | null;
  /** What it asks to be answered in, or else its own. */
  readonly expected: string | null;
  /** Passages of the prompt in other languages than the expected one: an answer may quote them. */
  readonly quotable: readonly string[];
}

export function expectedLanguage(prompt: string, instructions: readonly string[] = []): ExpectedLanguage {
  const text =
    prompt.length > 2 * MAX_END ? `${prompt.slice(0, MAX_END)}\n${prompt.slice(-MAX_END)}` : prompt;
  const { own, quoted } = withoutQuotes(text);
  const passages = passagesOf(own);
  const promptLanguage = languageOfRequest(passages) ?? mainLanguage(text);
  const requested =
    requestedLanguage(own) ??
    (own.trim() === '' ? requestedLanguage(text) : null) ??
    instructions.map((one) => requestedLanguage(one)).findLast((language) => language !== null) ??
    null;
  const expected = requested ?? promptLanguage;
  const others = passages.filter(({ language }) => language !== expected).map((passage) => passage.text);
  return { promptLanguage, expected, quotable: [...others, ...quoted] };
}

/** The language with the most words. */
export function mainLanguage(text: string): string | null {
  const [first] = countsIn(text);
  return first?.[0] ?? null;
}

function countsIn(text: string): ReadonlyMap<string, number> {
  const tally = new Tally(null);
  const tokenizer = new Tokenizer((token) => tally.take(token));
  tokenizer.push(text);
  tokenizer.end();
  return tally.counts();
}

function passagesOf(text: string): Passage[] {
  return text.split(/\n|(?<=[:：])(?=\s|[^\p{ASCII}])/u).flatMap((passage) => {
    const [first] = countsIn(passage);
    if (first === undefined) return [];
    const [language, words] = first;
    const trimmed = passage.trim();
    return [{ text: trimmed, language, words, asks: REQUEST.test(trimmed) || /[:：]$/.test(trimmed) }];
  });
}

/** What asks stands first or last, and is shorter than the material it is about. */
function languageOfRequest(passages: readonly Passage[]): string | null {
  const words = new Map<string, number>();
  for (const passage of passages)
    words.set(passage.language, (words.get(passage.language) ?? 0) + passage.words);
  const [first, last] = [passages[0], passages.at(-1)];
  if (first === undefined || last === undefined) return null;
  const asking = [first, last].filter(({ asks }) => asks);
  const lengthOf = ({ language }: Passage) => words.get(language)!;
  if (asking.length > 0) return asking.sort((a, b) => lengthOf(a) - lengthOf(b))[0]!.language;
  return [...words].sort(([, a], [, b]) => b - a)[0]![0];
}

/** A text and what it quotes. A mark that nothing closes is none. */
function withoutQuotes(text: string): { own: string; quoted: string[] } {
  const unclosed = new Set<string>();
  const quoted: string[] = [];
  let own = '';
  for (let index = 0; index < text.length; index++) {
    const close = QUOTES[text[index]!];
    const end = close === undefined || unclosed.has(close) ? -1 : text.indexOf(close, index + 1);
    if (close !== undefined && end < 0) unclosed.add(close);
    if (end < 0) {
      own += text[index]!;
      continue;
    }
    quoted.push(text.slice(index + 1, end));
    own += ' ';
    index = end;
  }
  const lines = own.split('\n');
  quoted.push(...lines.filter((line) => line.startsWith('>')));
  return { own: lines.filter((line) => !line.startsWith('>')).join('\n'), quoted };
}

import type { Chunk } from '../event-log.ts';

/** Against lane 0. */
export interface Divergence {
  /** Null where one text begins the other, and where the runtimes do not tell enough to know. */
  readonly firstDifferentToken: number | null;
  /** UTF-16 code units; never ends within a character. */
  readonly commonPrefixChars: number;
}

export interface Answer {
  readonly modelId: string;
  readonly chunks: readonly Chunk[];
}

/** Where an answer parts from another. Pure. */
export function divergenceOf(answer: Answer, reference: Answer): Divergence {
  const [text, other] = [textOf(answer), textOf(reference)];
  const commonPrefixChars = commonPrefix(text, other);
  const isPrefix = commonPrefixChars === Math.min(text.length, other.length);
  return { commonPrefixChars, firstDifferentToken: isPrefix ? null : firstDifferentToken(answer, reference) };
}

/** Where two answers of one vocabulary part. */
export interface Fork {
  /** The tokens that they have in common. */
  readonly shared: readonly number[];
  /** The token after them, of each. */
  readonly own: number;
  readonly reference: number;
}

/** Null where one text begins the other, and where not both name their tokens. */
export function forkOf(answer: Answer, reference: Answer): Fork | null {
  const { firstDifferentToken: index } = divergenceOf(answer, reference);
  const known = namedTokens(answer, reference);
  if (index === null || known === null) return null;
  const [ids, others] = known;
  return { shared: ids.slice(0, index), own: ids[index]!, reference: others[index]! };
}

const textOf = ({ chunks }: Answer): string => chunks.map(({ text }) => text).join('');

export function commonPrefix(one: string, other: string): number {
  const most = Math.min(one.length, other.length);
  let length = 0;
  while (length < most && one[length] === other[length]) length++;
  const isWithin = length > 0 && length < most && isHighSurrogate(one.charCodeAt(length - 1));
  return isWithin ? length - 1 : length;
}

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;

/**
 * By the tokens themselves where both runtimes name them and the vocabulary is the same; else by the pieces of text,
 * as far as each came by itself: within a chunk of several tokens nobody knows where one ends.
 */
function firstDifferentToken(answer: Answer, reference: Answer): number | null {
  const known = namedTokens(answer, reference);
  if (known !== null) return firstDifference(...known);
  return firstDifference(singlePieces(answer), singlePieces(reference));
}

/** Of both; null where one does not name them, or the vocabularies may differ. */
function namedTokens(answer: Answer, reference: Answer): [number[], number[]] | null {
  if (answer.modelId !== reference.modelId) return null;
  const [ids, others] = [tokenIds(answer), tokenIds(reference)];
  return ids === null || others === null ? null : [ids, others];
}

function tokenIds({ chunks }: Answer): number[] | null {
  const ids = chunks.flatMap((chunk) => chunk.tokenIds ?? []);
  const tokens = chunks.reduce((sum, chunk) => sum + chunk.tokens, 0);
  return ids.length === tokens ? ids : null;
}

/** The texts of the tokens up to the first chunk of several. */
function singlePieces({ chunks }: Answer): string[] {
  const several = chunks.findIndex(({ tokens }) => tokens !== 1);
  return chunks.slice(0, several === -1 ? chunks.length : several).map(({ text }) => text);
}

function firstDifference<Value>(one: readonly Value[], other: readonly Value[]): number | null {
  const index = one.findIndex((value, at) => at < other.length && value !== other[at]);
  return index === -1 ? null : index;
}

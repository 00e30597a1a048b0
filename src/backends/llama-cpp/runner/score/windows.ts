import { createHash } from 'node:crypto';
import type { LlamaModel, Token } from 'node-llama-cpp';
import { MixgateError } from '../../../../errors.ts';
import type { CommandOf } from '../../../../protocol/frames.ts';

type Text = CommandOf<'score'>['text'];

/** Tokens that are read together, from an empty context, and which of them are scored. */
export interface Window {
  readonly tokens: readonly Token[];
  /** Places of scored tokens, rising; never 0, for which there is no prediction. */
  readonly targets: readonly number[];
}

type Tokenizer = Pick<LlamaModel, 'tokenize'> & {
  readonly tokens: Pick<LlamaModel['tokens'], 'bos' | 'shouldPrependBosToken'>;
};

/** @throws INVALID_INPUT where nothing could be scored */
export function windowsOf(
  text: Text,
  model: Tokenizer,
  { contextSize, maxWindows }: { contextSize: number; maxWindows: number | null },
): Window[] {
  const { bos, shouldPrependBosToken } = model.tokens;
  const first = shouldPrependBosToken ? bos : null;
  const windows =
    'text' in text
      ? runningWindows(model.tokenize(text.text), first, contextSize)
      : text.documents.map((parts) => documentWindow(parts, model, { first, contextSize }));
  const scored = windows.slice(0, maxWindows ?? undefined).filter(({ targets }) => targets.length > 0);
  if (scored.length > 0) return scored;
  throw new MixgateError(
    'INVALID_INPUT',
    'text: the documents have no token to score: mark a part of two tokens or more as scored.',
  );
}

/**
 * As llama-perplexity: windows that do not overlap, the second half of each scored, so that every scored token has at
 * least half a window before it; each begins with BOS (in place of its own first token) where the model wants one, and
 * what does not fill a window at the end is left out. Only a text that does not fill a single window is scored whole.
 */
function runningWindows(text: readonly Token[], first: Token | null, contextSize: number): Window[] {
  if (text.length < 2)
    throw new MixgateError('INVALID_INPUT', `text: has ${text.length} tokens, and needs at least two.`);
  const tokens = first === null ? text : [first, ...text];
  if (tokens.length < contextSize) return [{ tokens, targets: range(1, tokens.length) }];
  return range(0, Math.floor(tokens.length / contextSize)).map((index) => {
    const own = tokens.slice(index * contextSize, (index + 1) * contextSize);
    return {
      tokens: first === null ? own : [first, ...own.slice(1)],
      targets: range(Math.floor(contextSize / 2) + 1, contextSize),
    };
  });
}

/** Special tokens count; parts are tokenized apart, and what is longer than the context is cut. */
function documentWindow(
  parts: readonly { readonly text: string; readonly isScored: boolean }[],
  model: Tokenizer,
  { first, contextSize }: { first: Token | null; contextSize: number },
): Window {
  const marked = parts.flatMap(({ text, isScored }) =>
    model.tokenize(text, true, 'trimLeadingSpace').map((token) => ({ token, isScored })),
  );
  if (first !== null && marked[0]?.token !== first) marked.unshift({ token: first, isScored: false });
  const kept = marked.slice(0, contextSize);
  return {
    tokens: kept.map(({ token }) => token),
    targets: kept.flatMap(({ isScored }, place) => (isScored && place > 0 ? [place] : [])),
  };
}

/** The same for the same tokens and targets, and for no others. */
export function digestOf(windows: readonly Window[]): string {
  const hash = createHash('sha256');
  for (const { tokens, targets } of windows) {
    hash.update(Uint32Array.of(tokens.length, targets.length));
    hash.update(Uint32Array.from(tokens)).update(Uint32Array.from(targets));
  }
  return hash.digest('hex');
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);

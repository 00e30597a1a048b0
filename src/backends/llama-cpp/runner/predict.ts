import type { LlamaContextSequence, Token } from 'node-llama-cpp';
import { MixgateError } from '../../../errors.ts';
import type { CommandOf, Report, ReportOf } from '../../../protocol/frames.ts';
import type { Seat } from './batch-schedule.ts';
import type { LoadedModel } from './loaded-model.ts';
import { prefill } from './prefill.ts';
import { surprise, topTokens, type Distribution } from './score/distribution.ts';
import { LogitReader, noNumbers } from './score/logit-reader.ts';

type Predict = CommandOf<'predict'>;
type Candidate = ReportOf<'predicted'>['candidates'][number];

interface PredictHooks {
  readonly signal: AbortSignal;
  readonly send: (report: Report) => void;
}

/** Tokens before a candidate that decide how it is written. */
const CONTEXT_TOKENS = 4;
/** Longer ones are runs of one character. */
const MAX_TEXT = 200;

/** What the model thinks of the next token. A slot that has just answered has all but the last token in its cache. */
export async function runPredict(
  loaded: LoadedModel,
  predict: Predict,
  { signal, send }: PredictHooks,
): Promise<void> {
  const tokens = [...loaded.chatTemplate.tokenize(predict.prompt), ...(predict.tokens as Token[])];
  check(tokens, predict, loaded);
  const sequence = loaded.takeSlot(tokens);
  const seat = loaded.schedule.join();
  try {
    const { rest } = await prefill(tokens, { loaded, sequence, seat, signal });
    if (signal.aborted)
      return send({ type: 'predicted', id: predict.id, reason: 'CANCELLED', candidates: [] });
    const next = await nextToken(rest, { loaded, sequence, seat });
    const candidates = candidatesOf(next, predict, (token) => textOf(token, tokens, loaded));
    send({ type: 'predicted', id: predict.id, reason: 'COMPLETED', candidates });
  } finally {
    seat.leave();
    loaded.giveBackSlot(sequence);
  }
}

function check(
  tokens: readonly Token[],
  { tokens: begun, always, contextSize }: Predict,
  loaded: LoadedModel,
) {
  const unknown = [...begun, ...always].find((token) => token >= loaded.vocabularySize);
  if (unknown !== undefined)
    throw new MixgateError('INVALID_INPUT', `The vocabulary has no token ${unknown}.`);
  if (tokens.length === 0) throw new MixgateError('INVALID_INPUT', 'There is no token to go on from.');
  const most = Math.min(contextSize, loaded.contextSize);
  if (tokens.length >= most)
    throw new MixgateError(
      'CONTEXT_OVERFLOW',
      `${tokens.length} tokens leave no room in a context of ${most}.`,
    );
}

interface Slot {
  readonly loaded: LoadedModel;
  readonly sequence: LlamaContextSequence;
  readonly seat: Seat;
}

async function nextToken(rest: Token[], { loaded, sequence, seat }: Slot): Promise<Distribution> {
  const reader = new LogitReader(loaded.vocabularySize);
  const found: Distribution[] = [];
  seat.asks();
  await sequence.controlledEvaluate(
    [...rest.slice(0, -1), [rest.at(-1)!, { generateNext: { logits: true } }]],
    {
      onTokenResult: (_offset, { next }) => void found.push(reader.read(next.logits)),
    },
  );
  const next = found[0];
  if (next === undefined || !Number.isFinite(next.logWeight)) throw noNumbers();
  return next;
}

function candidatesOf(
  next: Distribution,
  { count, always }: Predict,
  textOfToken: (token: number) => string,
): Candidate[] {
  const tokens = [...new Set([...topTokens(next, count), ...always])];
  return tokens
    .map((token) => ({ token, text: textOfToken(token), probability: probability(next, token) }))
    .sort((a, b) => b.probability - a.probability);
}

/** Rounding takes no one above 1. */
const probability = (next: Distribution, token: number): number =>
  Math.exp(-Math.max(0, surprise(next, token)));

const textOf = (token: number, before: readonly Token[], { model }: LoadedModel): string =>
  model.detokenize([token as Token], true, before.slice(-CONTEXT_TOKENS)).slice(0, MAX_TEXT);

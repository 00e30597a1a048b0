import type { LlamaContextSequence, Token } from 'node-llama-cpp';
import type { Seat } from './batch-schedule.ts';
import type { LoadedModel } from './loaded-model.ts';

interface PrefillParts {
  readonly loaded: LoadedModel;
  readonly sequence: LlamaContextSequence;
  readonly seat: Seat;
  readonly signal: AbortSignal;
}

/**
 * Computes tokens in a slot but for its last ones, a batch at a time, so that a cancel is seen in between. What the
 * slot has of them already is `cachedTokens`; `rest` is left to compute, at least one: its logits are those of the next.
 */
export async function prefill(
  tokens: readonly Token[],
  { loaded, sequence, seat, signal }: PrefillParts,
): Promise<{ readonly cachedTokens: number; readonly rest: Token[] }> {
  const { batchSize } = loaded;
  const shared = sequence.compareContextTokens([...tokens]).firstDifferentIndex;
  const kept = Math.min(shared, tokens.length - 1);
  const { nextTokenIndex } = sequence;
  if (nextTokenIndex > kept) await sequence.eraseContextTokenRanges([{ start: kept, end: nextTokenIndex }]);
  // A cache that cannot be cut (recurrent models) comes back shorter, or empty.
  const cachedTokens = sequence.nextTokenIndex;

  let at = cachedTokens;
  while (tokens.length - at > batchSize && !signal.aborted) {
    seat.asks();
    await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(at, at + batchSize));
    at += batchSize;
  }
  return { cachedTokens, rest: tokens.slice(at) };
}

import { MixgateError } from '../errors.ts';
import type { Report } from '../protocol/frames.ts';
import type { PredictEnd, PredictRequest } from './backend.ts';
import type { Channel } from './channel.ts';
import { doesNotAnswer, exchange, type Inbox } from './channel-exchange.ts';
import { promptFrame } from './channel-generate.ts';

/** One `predict` exchange as a stream of its one part. */
export function predictOver(
  channel: Channel,
  resident: string,
  request: PredictRequest,
  signal: AbortSignal,
): AsyncGenerator<PredictEnd> {
  const { prompt, tokens, contextSize, count, always } = request;
  return exchange(
    channel,
    {
      type: 'predict',
      resident,
      prompt: promptFrame(prompt),
      tokens: [...tokens],
      contextSize,
      count,
      always: [...always],
    },
    inboxFor(request),
    signal,
  );
}

/** Nothing comes before the end. */
const inboxFor = (request: PredictRequest): Inbox<PredictEnd> => ({
  keep: () => false,
  take: () => null,
  ending: (report) => ending(report, request),
});

function ending(report: Report, request: PredictRequest): PredictEnd {
  if (report.type !== 'predicted') throw doesNotAnswer(report, 'predict');
  const { reason, candidates } = report;
  if (reason === 'COMPLETED' && !isWhole(candidates, request))
    throw new MixgateError('INTERNAL', 'The runtime told of other tokens than it was asked for.');
  return { type: 'end', reason, candidates };
}

/** Rounding may take a sum of probabilities this far above 1. */
const ROUNDING = 1e-6;

/** Each token once, with all that were asked for, most likely first, and no more likely together than one of them is. */
function isWhole(candidates: PredictEnd['candidates'], { count, always }: PredictRequest): boolean {
  const tokens = new Set(candidates.map(({ token }) => token));
  const sum = candidates.reduce((total, { probability }) => total + probability, 0);
  const isSorted = candidates.every(
    ({ probability }, index) => index === 0 || probability <= candidates[index - 1]!.probability,
  );
  const isAsked = tokens.size <= count + always.length && always.every((token) => tokens.has(token));
  return isAsked && isSorted && tokens.size === candidates.length && sum <= 1 + ROUNDING;
}

import { Arg, Int } from 'type-graphql';
import { MixgateError } from '../errors.ts';

const MAX_MS = 1000;

/** How often a subscription brings tokens at most. */
export const MinIntervalArg = () =>
  Arg('minIntervalMs', () => Int, {
    nullable: true,
    defaultValue: 0,
    description:
      `Milliseconds, 0 to ${MAX_MS}, between two looks at what is new: what a generation, or a lane, has written since the ` +
      'last one comes as one chunk. For pages that draw less often than tokens come; 0 sends each token at once.',
  });

export interface Interval {
  readonly minIntervalMs?: number | null;
}

/** @throws INVALID_INPUT for one of no possible length */
export function minIntervalOf({ minIntervalMs }: Interval): number {
  const ms = minIntervalMs ?? 0;
  if (ms >= 0 && ms <= MAX_MS) return ms;
  throw new MixgateError('INVALID_INPUT', `minIntervalMs: must be 0 to ${MAX_MS}.`);
}

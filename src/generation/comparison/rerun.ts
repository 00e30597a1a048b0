import type { Comparison } from './comparison.ts';
import type { ComparisonRequest, LaneSchedule } from './comparison-request.ts';

/**
 * What was asked for, as it would be asked for again: lanes in the order of the input, with the seed they drew with.
 * What is blind and not told yet stays so, or the same answers would tell which lane is which. It needs nobody to follow it.
 */
export const rerunRequest = (comparison: Comparison, schedule: LaneSchedule): ComparisonRequest => ({
  schedule,
  blind: !comparison.isRevealed,
  onDisconnect: 'CONTINUE',
  lanes: comparison.lanes
    .toSorted((one, other) => one.inputIndex - other.inputIndex)
    .map(({ label, generation: { request, seed } }) => ({
      label,
      generation: { ...request, sampling: { ...request.sampling, seed } },
    })),
});

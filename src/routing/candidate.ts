import type { Target } from './device.ts';
import type { PlacementChoice } from './placements.ts';
import type { PlanObjective } from './plan-request.ts';
import type { VariantFacts } from './weights.ts';

/** Slowest decode speed that an objective accepts, tokens per second. */
export const SPEED_FLOOR: Readonly<Record<PlanObjective, number>> = { QUALITY: 3, BALANCED: 10, SPEED: 30 };

/** A plan that is not explained yet, with what it is ranked by. */
export interface Candidate {
  readonly variant: VariantFacts;
  readonly target: Target;
  readonly choice: PlacementChoice;
  readonly fits: boolean;
  /** What stands against it whatever memory there is. */
  readonly obstacles: readonly string[];
  readonly speed: number | null;
  /** A total order of speeds, higher is faster, also where none is known. */
  readonly speedKey: number;
  readonly quality: number;
  readonly reachesFloor: boolean;
  readonly bytesPerToken: number;
  /** Over all limits; 0 when it fits. */
  readonly missingBytes: number;
}

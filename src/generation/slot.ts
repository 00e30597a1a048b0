import type { Resident } from '../backends/backend.ts';
import type { Plan } from '../routing/plan.ts';
import type { NewWaiter } from '../routing/residency-state.ts';

export type SlotRequest = NewWaiter;

export interface SlotHooks {
  readonly signal: AbortSignal;
  readonly onPosition: (ahead: number) => void;
  readonly onLoading: (fraction: number) => void;
}

/** A slot of a loaded model, until released. */
export interface Lease {
  readonly residentId: string;
  /** How the resident was loaded; not always how this caller would have had it. */
  readonly plan: Plan;
  readonly resident: Resident;
  /** `hasAnswered`: what was asked of the model came to its end. */
  release(hasAnswered?: boolean): void;
}

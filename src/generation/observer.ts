import type { ErrorCode } from '../errors.ts';
import type { Plan } from '../routing/plan.ts';
import type { Generation } from './generation.ts';

/** Why a model is not loaded any more: somebody asked, another one needs its memory, or its runtime is gone. */
export type UnloadReason = 'ASKED' | 'EVICTED' | 'LOST';

/** Told what happens, for whoever counts it. Must not throw. */
export interface Observer {
  /** A plan is tried; `after`: why the one before it was not to be had, null for the first. */
  planTried(plan: Plan, after: ErrorCode | null): void;
  /** In a final state. */
  generationEnded(generation: Generation): void;
  modelLoaded(plan: Plan, loadMs: number): void;
  loadFailed(code: ErrorCode): void;
  modelUnloaded(reason: UnloadReason): void;
  comparisonEnded(schedule: 'TOGETHER' | 'IN_TURN'): void;
}

const nothing = () => undefined;

export const NOBODY: Observer = {
  planTried: nothing,
  generationEnded: nothing,
  modelLoaded: nothing,
  loadFailed: nothing,
  modelUnloaded: nothing,
  comparisonEnded: nothing,
};

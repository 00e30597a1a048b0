import type { Plan } from '../routing/plan.ts';
import type { GenerationState } from './events.ts';

/** Told what happens, for whoever counts it. Must not throw. */
export interface Observer {
  /** In a final state. */
  generationEnded(state: GenerationState): void;
  modelLoaded(plan: Plan, loadMs: number): void;
}

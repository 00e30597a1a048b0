import { INTERRUPTED, type Problem } from '../api/problem.ts';
import type { PlanView } from '../parts/plan-fields.ts';
import type { Completed, FollowedEvent } from './documents.ts';

export type Stage =
  'STARTING' | 'QUEUED' | 'PLANNED' | 'LOADING' | 'WRITING' | 'COMPLETED' | 'CANCELLED' | 'FAILED';

/** One prompt and what is known of its answer. Plain data: it is kept in sessionStorage as it is. */
export interface Turn {
  readonly prompt: string;
  readonly isRaw: boolean;
  /** Null until the gateway has told. */
  readonly id: string | null;
  /** Number of the newest event taken; `text` holds exactly what came up to it. */
  readonly sequence: number;
  readonly text: string;
  readonly tokens: number;
  readonly stage: Stage;
  /** Generations ahead, while queued. */
  readonly position: number | null;
  /** 0 to 1, while loading. */
  readonly progress: number | null;
  /** Every plan tried, the newest last. */
  readonly plans: readonly PlanView[];
  readonly completed: Completed | null;
  readonly problem: Problem | null;
}

export const newTurn = (prompt: string, isRaw: boolean): Turn => ({
  prompt,
  isRaw,
  id: null,
  sequence: 0,
  text: '',
  tokens: 0,
  stage: 'STARTING',
  position: null,
  progress: null,
  plans: [],
  completed: null,
  problem: null,
});

export const isFinal = ({ stage }: Turn): boolean =>
  stage === 'COMPLETED' || stage === 'CANCELLED' || stage === 'FAILED';

export const failed = (turn: Turn, problem: Problem): Turn => ({ ...turn, stage: 'FAILED', problem });

/** What was started and never got its id cannot be followed any more. */
export const restored = (turn: Turn): Turn =>
  isFinal(turn) || turn.id !== null ? turn : failed(turn, { code: INTERRUPTED, message: '' });

/** An event that was taken before changes nothing. */
export function take(turn: Turn, event: FollowedEvent): Turn {
  if (event.sequence <= turn.sequence) return turn;
  const next = { ...turn, sequence: event.sequence };
  switch (event.__typename) {
    case 'GenerationQueued':
      return { ...next, stage: 'QUEUED', position: event.position };
    case 'PlanChosen':
      return { ...next, stage: 'PLANNED', plans: [...turn.plans, event.plan] };
    case 'ModelLoading':
      return { ...next, stage: 'LOADING', progress: event.progress };
    case 'TokenChunk':
      return {
        ...next,
        stage: 'WRITING',
        text: turn.text + event.text,
        tokens: turn.tokens + event.tokens,
      };
    case 'GenerationCompleted':
      return { ...next, stage: 'COMPLETED', completed: event };
    // Only told where a drift was asked to stop the answer, and the playground does not ask.
    case 'LanguageDrifted':
      return next;
    case 'GenerationCancelled':
      return { ...next, stage: 'CANCELLED' };
    case 'GenerationFailed':
      return { ...next, stage: 'FAILED', problem: event.error };
  }
}

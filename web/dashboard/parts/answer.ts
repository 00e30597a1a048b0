import type { Problem } from '../api/problem.ts';
import type { AnswerEvent, Completed } from './event-fields.ts';
import type { PlanView } from './plan-fields.ts';

export type Stage =
  'STARTING' | 'QUEUED' | 'PLANNED' | 'LOADING' | 'WRITING' | 'COMPLETED' | 'CANCELLED' | 'FAILED';

/** What is known of an answer. Plain data. */
export interface Answer {
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

export const newAnswer = (id: string | null): Answer => ({
  id,
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

export const isFinal = ({ stage }: Answer): boolean =>
  stage === 'COMPLETED' || stage === 'CANCELLED' || stage === 'FAILED';

export const failed = <Kind extends Answer>(answer: Kind, problem: Problem): Kind => ({
  ...answer,
  stage: 'FAILED',
  problem,
});

const FINAL: ReadonlySet<string> = new Set([
  'GenerationCompleted',
  'GenerationCancelled',
  'GenerationFailed',
] satisfies AnswerEvent['__typename'][]);
export const isFinalEvent = ({ __typename }: AnswerEvent): boolean => FINAL.has(__typename);

/** An event that was taken before changes nothing. */
export function take<Kind extends Answer>(answer: Kind, event: AnswerEvent): Kind {
  if (event.sequence <= answer.sequence) return answer;
  return { ...answer, sequence: event.sequence, ...changeBy(answer, event) };
}

function changeBy(answer: Answer, event: AnswerEvent): Partial<Answer> {
  switch (event.__typename) {
    case 'GenerationQueued':
      return { stage: 'QUEUED', position: event.position };
    case 'PlanChosen':
      return { stage: 'PLANNED', plans: [...answer.plans, event.plan] };
    case 'ModelLoading':
      return { stage: 'LOADING', progress: event.progress };
    case 'TokenChunk':
      return { stage: 'WRITING', text: answer.text + event.text, tokens: answer.tokens + event.tokens };
    case 'GenerationCompleted':
      return { stage: 'COMPLETED', completed: event };
    // Only told where a drift was asked to stop the answer, and no page asks.
    case 'LanguageDrifted':
      return {};
    case 'GenerationCancelled':
      return { stage: 'CANCELLED' };
    case 'GenerationFailed':
      return { stage: 'FAILED', problem: event.error };
  }
}

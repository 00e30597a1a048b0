import { isFinal, newAnswer, type Answer } from '../parts/answer.ts';
import type { LaneFacts } from './documents.ts';

export interface LaneState {
  readonly answer: Answer;
  readonly facts: LaneFacts;
}

export const newLane = (facts: LaneFacts): LaneState =>
  withNewFacts({ answer: newAnswer(facts.generation.id), facts }, facts);

/**
 * What is told of a lane that has ended goes over what was seen of it: a blind one tells nothing before. The same lane
 * where nothing is new, so that it is not drawn again.
 */
export function withFacts(lane: LaneState, facts: LaneFacts): LaneState {
  const isKnown = isFinal(lane.answer) && JSON.stringify(facts) === JSON.stringify(lane.facts);
  return isKnown ? lane : withNewFacts(lane, facts);
}

function withNewFacts(lane: LaneState, facts: LaneFacts): LaneState {
  const { state, text, plan, usage, timings, finishReason, error } = facts.generation;
  const { answer } = lane;
  if (state !== 'COMPLETED' && state !== 'CANCELLED' && state !== 'FAILED') return { ...lane, facts };
  return {
    ...lane,
    facts,
    answer: {
      ...answer,
      stage: state,
      text,
      tokens: usage.completionTokens,
      plans: answer.plans.length > 0 || plan === null ? answer.plans : [plan],
      completed:
        timings === null || finishReason === null ? answer.completed : { finishReason, usage, timings },
      problem: error ?? answer.problem,
    },
  };
}

export const isRunning = ({ answer }: LaneState): boolean => !isFinal(answer);

/** What its plan says that it takes where its memory is measured, bytes. */
export function plannedBytes({ answer }: LaneState): number | null {
  const plan = answer.plans.at(-1);
  if (plan === undefined) return null;
  return plan.gpuLayers > 0 ? plan.memory.deviceTotalBytes : plan.memory.hostTotalBytes;
}

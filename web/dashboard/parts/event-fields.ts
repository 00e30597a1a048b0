import type { ResultOf } from 'gql.tada';
import { graphql } from '../api/graphql.ts';
import { PLAN_FIELDS } from './plan-fields.ts';

/** What was measured of an answer. */
export const TIMING_FIELDS = graphql(`
  fragment TimingFields on Timings {
    queueMs
    loadMs
    timeToFirstTokenMs
    totalMs
    sample {
      ...Stage
    }
    promptEval {
      ...Stage
    }
    eval {
      ...Stage
    }
  }

  fragment Stage on StageTiming {
    ms
    count
    msPerToken
    tokensPerSecond
  }
`);

/** What is shown of a generation as it goes. */
export const EVENT_FIELDS = graphql(
  `
    fragment EventFields on GenerationEvent {
      __typename
      sequence
      ... on GenerationQueued {
        position
      }
      ... on PlanChosen {
        plan {
          ...PlanFields
        }
      }
      ... on ModelLoading {
        progress
      }
      ... on TokenChunk {
        text
        tokens
      }
      ... on GenerationCompleted {
        finishReason
        usage {
          promptTokens
          cachedPromptTokens
          completionTokens
        }
        timings {
          ...TimingFields
        }
      }
      ... on GenerationFailed {
        error {
          code
          message
        }
      }
    }
  `,
  [PLAN_FIELDS, TIMING_FIELDS],
);

export type AnswerEvent = ResultOf<typeof EVENT_FIELDS>;
/** Of an answer that is whole; comparisons have it without its event. */
export type Completed = Pick<
  Extract<AnswerEvent, { __typename: 'GenerationCompleted' }>,
  'finishReason' | 'usage' | 'timings'
>;

export const CANCEL = graphql(`
  mutation Cancel($id: ID!) {
    cancelGeneration(id: $id) {
      id
    }
  }
`);

export const FOLLOW = graphql(
  `
    subscription Follow($id: ID!, $after: Int!) {
      generationEvents(id: $id, after: $after) {
        ...EventFields
      }
    }
  `,
  [EVENT_FIELDS],
);

import type { ResultOf, VariablesOf } from 'gql.tada';
import { graphql } from '../api/graphql.ts';
import { PLAN_FIELDS } from '../parts/plan-fields.ts';

export const CHOICES = graphql(`
  query Choices {
    models {
      id
      name
      variants {
        id
        quantization
        sizeBytes
        format
      }
    }
    backends {
      id
      available
      devices {
        id
        name
      }
    }
  }
`);

export const PREVIEW = graphql(
  `
    query Preview($input: PlanInput!) {
      plan(input: $input) {
        chosen {
          ...PlanFields
        }
        candidates {
          ...PlanFields
        }
      }
    }
  `,
  [PLAN_FIELDS],
);

export const START = graphql(`
  mutation Start($input: GenerateInput!) {
    startGeneration(input: $input) {
      id
    }
  }
`);

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
        }
        ... on GenerationFailed {
          error {
            code
            message
          }
        }
      }
    }

    fragment Stage on StageTiming {
      ms
      count
      msPerToken
      tokensPerSecond
    }
  `,
  [PLAN_FIELDS],
);

export type Choices = ResultOf<typeof CHOICES>;
export type FollowedEvent = ResultOf<typeof FOLLOW>['generationEvents'];
export type Completed = Extract<FollowedEvent, { __typename: 'GenerationCompleted' }>;
export type GenerateInput = VariablesOf<typeof START>['input'];
export type PlanInput = VariablesOf<typeof PREVIEW>['input'];

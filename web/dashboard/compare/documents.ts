import type { ResultOf, VariablesOf } from 'gql.tada';
import { graphql } from '../api/graphql.ts';
import { EVENT_FIELDS, TIMING_FIELDS } from '../parts/event-fields.ts';
import { PLAN_FIELDS } from '../parts/plan-fields.ts';

const CANDIDATE = graphql(`
  fragment Candidate on TokenCandidate {
    token
    text
    probability
  }
`);

/** What is known of a comparison besides its events. */
const COMPARISON_FIELDS = graphql(
  `
    fragment ComparisonFields on Comparison {
      id
      createdAt
      finished
      isBlind
      isRevealed
      lastSequence
      prompt {
        text
        messages {
          role
          content
        }
      }
      schedule {
        taken
        reasons
      }
      votes {
        lane
        value
        comment
      }
      lanes {
        label
        memoryBytes
        energyPerTokenJoules
        language {
          expectedLanguage
          answerLanguage
          consistency
          driftOffset
          foreignFragments {
            offset
            length
            text
            language
          }
        }
        divergence {
          firstDifferentToken
          commonPrefixChars
          candidates {
            ownToken
            referenceToken
            own {
              ...Candidate
            }
            reference {
              ...Candidate
            }
          }
        }
        generation {
          id
          state
          text
          seed
          finishReason
          plan {
            ...PlanFields
          }
          usage {
            promptTokens
            cachedPromptTokens
            completionTokens
          }
          timings {
            ...TimingFields
          }
          error {
            code
            message
          }
        }
      }
    }
  `,
  [PLAN_FIELDS, TIMING_FIELDS, CANDIDATE],
);

export const COMPARISON = graphql(
  `
    query Comparison($id: ID!) {
      comparison(id: $id) {
        ...ComparisonFields
      }
    }
  `,
  [COMPARISON_FIELDS],
);

export const FOLLOW_COMPARISON = graphql(
  `
    subscription FollowComparison($id: ID!, $after: Int!) {
      comparisonEvents(id: $id, after: $after, minIntervalMs: 33) {
        sequence
        lane
        event {
          ...EventFields
        }
        comparison {
          ...ComparisonFields
        }
      }
    }
  `,
  [EVENT_FIELDS, COMPARISON_FIELDS],
);

export const START_COMPARISON = graphql(`
  mutation StartComparison($input: CompareInput!) {
    startComparison(input: $input) {
      id
    }
  }
`);

export const RERUN = graphql(`
  mutation Rerun($id: ID!, $schedule: LaneSchedule!) {
    rerunComparison(id: $id, schedule: $schedule) {
      id
    }
  }
`);

export const REPORT = graphql(`
  query Report($id: ID!, $format: ReportFormat!) {
    comparison(id: $id) {
      report(format: $format)
    }
  }
`);

export const CANCEL_ALL = graphql(`
  mutation CancelAll($id: ID!) {
    cancelComparison(id: $id) {
      id
    }
  }
`);

export const VOTE = graphql(
  `
    mutation Vote($id: ID!, $lane: Int!, $value: VoteValue!, $comment: String) {
      vote(comparison: $id, lane: $lane, value: $value, comment: $comment) {
        ...ComparisonFields
      }
    }
  `,
  [COMPARISON_FIELDS],
);

/** What has been compared, and what people thought of it. */
export const OVERVIEW = graphql(`
  query Overview {
    comparisons(first: 10) {
      edges {
        node {
          id
          createdAt
          finished
          prompt {
            text
            messages {
              role
              content
            }
          }
          lanes {
            label
          }
        }
      }
    }
    winRates {
      variantId
      wins
      ties
      losses
      rate
      lower
      upper
    }
  }
`);

export type ComparisonFacts = ResultOf<typeof COMPARISON_FIELDS>;
export type ReportFormat = VariablesOf<typeof REPORT>['format'];
export type LaneFacts = ComparisonFacts['lanes'][number];
export type ComparedEvent = ResultOf<typeof FOLLOW_COMPARISON>['comparisonEvents'];
export type CompareInput = VariablesOf<typeof START_COMPARISON>['input'];
export type VoteValue = VariablesOf<typeof VOTE>['value'];
export type Overview = ResultOf<typeof OVERVIEW>;

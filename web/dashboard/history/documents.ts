import type { ResultOf, VariablesOf } from 'gql.tada';
import { graphql } from '../api/graphql.ts';
import { TIMING_FIELDS } from '../parts/event-fields.ts';

export const STATUS = graphql(`
  query HistoryStatus {
    history {
      isOn
      problem
      pending
      lost
      usage {
        generations
        comparisons
        evaluations
        bytes
      }
    }
  }
`);

export const GENERATIONS = graphql(`
  query KeptGenerations($filter: GenerationFilterInput!, $first: Int!, $after: String) {
    entries: generations(filter: $filter, first: $first, after: $after) {
      edges {
        node {
          id
          comparisonId
          createdAt
          state
          text
          prompt {
            text
            messages {
              role
              content
            }
          }
          plan {
            deviceName
            variant {
              id
            }
          }
          settings {
            model
          }
          usage {
            completionTokens
          }
          timings {
            eval {
              tokensPerSecond
            }
          }
          language {
            answerLanguage
            driftOffset
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export const COMPARISONS = graphql(`
  query KeptComparisons($filter: ComparisonFilterInput!, $first: Int!, $after: String) {
    entries: comparisons(filter: $filter, first: $first, after: $after) {
      edges {
        node {
          id
          createdAt
          finished
          isRevealed
          prompt {
            text
            messages {
              role
              content
            }
          }
          votes {
            lane
          }
          lanes {
            label
            language {
              driftOffset
            }
            generation {
              text
            }
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export const EVALUATIONS = graphql(`
  query KeptEvaluations($filter: EvaluationFilterInput!, $first: Int!, $after: String) {
    entries: evaluations(filter: $filter, first: $first, after: $after) {
      edges {
        node {
          id
          createdAt
          state
          model
          reference
          contextSize
          error {
            code
            message
          }
          text {
            characters
            excerpt
            sha256
          }
          results {
            quantization
            result {
              tokens
              perplexity
              klDivergence
              sameTopToken
            }
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

/** Of one generation, what its events do not tell. */
export const GENERATION = graphql(
  `
    query KeptGeneration($id: ID!) {
      generation(id: $id) {
        id
        comparisonId
        createdAt
        state
        text
        seed
        finishReason
        retriedAs
        retryOf
        prompt {
          text
          messages {
            role
            content
          }
        }
        settings {
          model
          quantization
          backend
          device
          contextSize
          objective
          maxTokens
          sampling {
            temperature
            topK
            topP
            minP
            repeatPenalty
            repeatLastN
            presencePenalty
            frequencyPenalty
          }
        }
        usage {
          promptTokens
          cachedPromptTokens
          completionTokens
        }
        timings {
          ...TimingFields
        }
        language {
          expectedLanguage
          answerLanguage
          consistency
          driftOffset
          foreignFragments {
            offset
            length
            language
          }
        }
      }
    }
  `,
  [TIMING_FIELDS],
);

export const DELETE_GENERATION = graphql(`
  mutation DeleteGeneration($id: ID!) {
    isGone: deleteGeneration(id: $id)
  }
`);

export const DELETE_COMPARISON = graphql(`
  mutation DeleteComparison($id: ID!) {
    isGone: deleteComparison(id: $id)
  }
`);

export const DELETE_EVALUATION = graphql(`
  mutation DeleteEvaluation($id: ID!) {
    isGone: deleteEvaluation(id: $id)
  }
`);

export const CLEAR = graphql(`
  mutation ClearHistory($before: DateTime) {
    clearHistory(before: $before)
  }
`);

/** How many there are, a page at a time; a lane goes with its comparison. */
export const COUNT = graphql(`
  query CountBefore($before: DateTime, $first: Int!) {
    generations(filter: { createdBefore: $before, isLane: false }, first: $first) {
      edges {
        cursor
      }
    }
    comparisons(filter: { createdBefore: $before }, first: $first) {
      edges {
        cursor
      }
    }
    evaluations(filter: { createdBefore: $before }, first: $first) {
      edges {
        cursor
      }
    }
  }
`);

/** What the server sends of a list, whichever it is. */
type Listed<Document> =
  ResultOf<Document> extends { entries: { edges: readonly { node: infer Node }[] } } ? Node : never;

export type GenerationEntry = Listed<typeof GENERATIONS>;
export type ComparisonEntry = Listed<typeof COMPARISONS>;
export type EvaluationEntry = Listed<typeof EVALUATIONS>;
export type GenerationFacts = NonNullable<ResultOf<typeof GENERATION>['generation']>;
export type GenerationFilter = VariablesOf<typeof GENERATIONS>['filter'];
export type ComparisonFilter = VariablesOf<typeof COMPARISONS>['filter'];
export type EvaluationFilter = VariablesOf<typeof EVALUATIONS>['filter'];

import type { ResultOf } from 'gql.tada';
import { graphql } from '../api/graphql.ts';
import { PLAN_FIELDS } from '../parts/plan-fields.ts';

/** What is shown of a model, here or at a source. */
const MODEL_FIELDS = graphql(`
  fragment ModelFields on Model {
    id
    name
    architecture
    parameters
    activeParameters
    layers
    contextLength
    license
    variants {
      id
      quantization
      format
      sizeBytes
      bitsPerWeight
      isRemovable
      qualityLoss {
        klDivergence
        perplexityRatio
        source
      }
    }
  }
`);

export const MODELS = graphql(
  `
    subscription Models {
      modelStatus {
        ...ModelFields
      }
    }
  `,
  [MODEL_FIELDS],
);

export const INSPECT = graphql(
  `
    query Inspect($source: String!) {
      inspectSource(source: $source) {
        ...ModelFields
      }
    }
  `,
  [MODEL_FIELDS],
);

export const FIT = graphql(
  `
    query Fit($input: PlanInput!) {
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

export const PULLS = graphql(`
  subscription Pulls {
    modelPullStatus {
      id
      source
      state
      createdAt
      receivedBytes
      totalBytes
      verifiedBytes
      bytesPerSecond
      secondsLeft
      reasons
      error {
        code
        message
      }
      variants {
        id
      }
    }
  }
`);

export const START_PULL = graphql(`
  mutation StartPull($source: String!, $sha256: String) {
    startModelPull(source: $source, sha256: $sha256) {
      id
      source
    }
  }
`);

export const CANCEL_PULL = graphql(`
  mutation CancelPull($id: ID!) {
    cancelModelPull(id: $id) {
      id
      source
    }
  }
`);

export const REMOVE = graphql(`
  mutation Remove($id: ID!, $force: Boolean!) {
    removeVariant(id: $id, force: $force)
  }
`);

export const DISK = graphql(`
  query Disk {
    diskUse {
      usedBytes
      freeBytes
      budgetBytes
    }
  }
`);

export type ModelView = ResultOf<typeof MODELS>['modelStatus'][number];
export type VariantView = ModelView['variants'][number];
export type PullView = ResultOf<typeof PULLS>['modelPullStatus'][number];

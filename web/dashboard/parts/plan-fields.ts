import type { ResultOf, VariablesOf } from 'gql.tada';
import { graphql } from '../api/graphql.ts';

/** What is shown of a plan, wherever one is shown. */
export const PLAN_FIELDS = graphql(`
  fragment PlanFields on Plan {
    backend
    deviceName
    fits
    gpuLayers
    totalLayers
    cpuExpertLayers
    contextSize
    kvCacheType
    decodeTokensPerSecond
    reasons
    variant {
      id
      quantization
      bitsPerWeight
    }
    memory {
      deviceWeightsBytes
      deviceKvCacheBytes
      deviceComputeBytes
      deviceTotalBytes
      hostTotalBytes
    }
    shortfalls {
      limit
      availableBytes
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

export type PlanView = ResultOf<typeof PLAN_FIELDS>;
export type PlanInput = VariablesOf<typeof PREVIEW>['input'];

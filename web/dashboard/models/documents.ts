import type { ResultOf } from 'gql.tada';
import { graphql } from '../api/graphql.ts';
import { PLAN_FIELDS } from '../parts/plan-fields.ts';

export const MODELS = graphql(`
  query Models {
    models {
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
        qualityLoss {
          klDivergence
          perplexityRatio
          source
        }
      }
    }
  }
`);

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

export type ModelView = ResultOf<typeof MODELS>['models'][number];

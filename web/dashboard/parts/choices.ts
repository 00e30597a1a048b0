import type { ResultOf } from 'gql.tada';
import { graphql } from '../api/graphql.ts';

/** What there is to choose among. */
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

export type Choices = ResultOf<typeof CHOICES>;

/** Browsers that lend themselves come and go, and models are pulled. */
export const CHOICES_POLL_MS = 5000;

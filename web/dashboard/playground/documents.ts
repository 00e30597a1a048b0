import type { VariablesOf } from 'gql.tada';
import { graphql } from '../api/graphql.ts';
import { EVENT_FIELDS } from '../parts/event-fields.ts';

export const START = graphql(`
  mutation Start($input: GenerateInput!) {
    startGeneration(input: $input) {
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

export type GenerateInput = VariablesOf<typeof START>['input'];

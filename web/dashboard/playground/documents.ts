import type { VariablesOf } from 'gql.tada';
import { graphql } from '../api/graphql.ts';

export const START = graphql(`
  mutation Start($input: GenerateInput!) {
    startGeneration(input: $input) {
      id
    }
  }
`);

export type GenerateInput = VariablesOf<typeof START>['input'];

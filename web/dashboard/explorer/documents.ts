import { graphql } from '../api/graphql.ts';

export const NEWEST = graphql(`
  query Newest {
    generations(first: 1) {
      edges {
        node {
          id
        }
      }
    }
  }
`);

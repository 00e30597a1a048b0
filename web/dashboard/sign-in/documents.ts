import { graphql } from '../api/graphql.ts';

export const VIEWER = graphql(`
  query Viewer {
    viewer {
      name
      role
      isAuthenticated
      expiresAt
      identityProvider {
        issuer
        clientId
        audience
      }
    }
  }
`);

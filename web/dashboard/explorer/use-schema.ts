import {
  buildClientSchema,
  getIntrospectionQuery,
  lexicographicSortSchema,
  type GraphQLSchema,
  type IntrospectionQuery,
} from 'graphql';
import { useMemo } from 'react';
import type { CombinedError, TypedDocumentNode } from 'urql';
import { gql } from 'urql';
import { useAnswer } from '../api/use-answer.ts';

const INTROSPECTION: TypedDocumentNode<IntrospectionQuery, Record<string, never>> = gql(
  getIntrospectionQuery(),
);

/** The schema of the gateway as it runs, not of the one that the page was built with. */
export function useSchema(): { readonly schema: GraphQLSchema | null; readonly error: CombinedError | null } {
  const { data, error } = useAnswer(INTROSPECTION, {});
  const schema = useMemo(
    () => (data === null ? null : lexicographicSortSchema(buildClientSchema(data))),
    [data],
  );
  return { schema, error };
}

import { initGraphQLTada } from 'gql.tada';
import type { introspection } from './schema-types.d.ts';

/** Documents are typed by the schema: a field that it does not have is an error of `npm run check`. */
export const graphql = initGraphQLTada<{
  introspection: introspection;
  scalars: { SafeInt: number; DateTime: string; JSON: unknown };
  disableMasking: true;
}>();

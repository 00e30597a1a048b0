import { NoSchemaIntrospectionCustomRule, validate, type DocumentNode, type GraphQLSchema } from 'graphql';
import type { Caller } from '../access/caller.ts';
import { missingCredentials } from '../access/role.ts';
import type { MixgateError } from '../errors.ts';

/** The schema is shown to whoever may do something with it: `__schema` and `__type` are no fields that a role can guard. */
export function introspectionProblem(
  schema: GraphQLSchema,
  document: DocumentNode,
  { role }: Caller,
): MixgateError | null {
  if (role !== null || validate(schema, document, [NoSchemaIntrospectionCustomRule]).length === 0)
    return null;
  return missingCredentials('Introspection');
}

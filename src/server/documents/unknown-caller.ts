import { getOperationAST, getVariableValues, GraphQLError, type GraphQLSchema } from 'graphql';
import { missingCredentials } from '../../access/role.ts';
import type { DocumentRequest, Taken } from './documents.ts';

/**
 * As it was taken, unless that would tell who has shown nothing about the schema: what a document or its variables lack
 * is told with the names that were probably meant.
 */
export function withoutSchema(
  taken: Taken,
  { operationName, variables }: DocumentRequest,
  schema: GraphQLSchema,
): Taken {
  if ('errors' in taken) return taken.errors.some(isGraphqls) ? unknownCaller() : taken;
  const { variableDefinitions = [] } = getOperationAST(taken.document, operationName) ?? {};
  const { errors } = getVariableValues(schema, variableDefinitions, variables ?? {}, { maxErrors: 1 });
  return errors === undefined ? taken : unknownCaller();
}

const isGraphqls = ({ originalError }: GraphQLError): boolean => originalError === undefined;

function unknownCaller(): Taken {
  const originalError = missingCredentials('This request');
  return { errors: [new GraphQLError(originalError.message, { originalError })] };
}

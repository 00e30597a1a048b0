import { GraphQLError, Kind, parse, print, separateOperations, type OperationDefinitionNode } from 'graphql';
import type { Problem } from '../api/problem.ts';
import type { Request } from './examples.ts';

/** What can be sent. */
export interface Operation {
  readonly kind: `${OperationDefinitionNode['operation']}`;
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

const wrong = (message: string): Problem => ({ code: 'INVALID_INPUT', message });

/** Names of the operations of a document; none where it cannot be read. */
export function operationNames(query: string): string[] {
  try {
    return operationsOf(query).map(({ name }) => name?.value ?? '');
  } catch {
    return [];
  }
}

const operationsOf = (query: string): OperationDefinitionNode[] =>
  parse(query).definitions.filter((node) => node.kind === Kind.OPERATION_DEFINITION);

/** One operation of a document with the fragments it needs, or what is wrong with what was typed. */
export function operationOf({ query, variables }: Request, name: string): Operation | Problem {
  try {
    const operations = operationsOf(query);
    const chosen = operations.find((each) => (each.name?.value ?? '') === name) ?? operations[0];
    if (chosen === undefined) return wrong('Write an operation: a query, a mutation or a subscription.');
    const alone = separateOperations(parse(query))[chosen.name?.value ?? '']!;
    return { kind: chosen.operation, query: print(alone), variables: variablesOf(variables) };
  } catch (error) {
    if (error instanceof GraphQLError) return wrong(`${error.message}${placeOf(error)}`);
    if (error instanceof SyntaxError) return wrong(`The variables are no JSON object: ${error.message}`);
    throw error;
  }
}

function placeOf({ locations = [] }: GraphQLError): string {
  const [place] = locations;
  return place === undefined ? '' : ` Line ${place.line}, column ${place.column}.`;
}

/** @throws SyntaxError */
function variablesOf(text: string): Record<string, unknown> {
  const parsed: unknown = text.trim() === '' ? {} : JSON.parse(text);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new SyntaxError('it must begin with {.');
  return parsed as Record<string, unknown>;
}

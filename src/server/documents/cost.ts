import {
  getNullableType,
  getOperationAST,
  getVariableValues,
  isListType,
  type DocumentNode,
  type GraphQLSchema,
} from 'graphql';
import { getComplexity, type ComplexityEstimator } from 'graphql-query-complexity';

/** Selections that are looked at, spread fragments included; an operation of more costs too much whatever they are. */
const MAX_NODES = 5000;
/** What a list may have where no argument says it. */
const ASSUMED_ITEMS = 10;
/** A larger page is refused by its resolver. */
const MAX_PAGE = 200;
/** Of a root field, besides the fields of its answer. */
const ROOT_COST: Readonly<Record<string, number>> = { Query: 10, Mutation: 100, Subscription: 100 };
/** Where that is planning, reading a remote file, or the whole schema. */
const FIELD_COST: Readonly<Record<string, number>> = {
  'Query.plan': 500,
  'Query.inspectSource': 2000,
  'Query.__schema': 5000,
  'Query.__type': 500,
};

/** About one for each field of the answer. Introspection has one price; graphql-js itself bounds how it nests. */
const estimate: ComplexityEstimator = ({ type, field, args, childComplexity }) => {
  if (type.name.startsWith('__')) return 0;
  const own = FIELD_COST[`${type.name}.${field.name}`] ?? ROOT_COST[type.name] ?? 1;
  return own + itemsOf(field, args) * childComplexity;
};

/** How often what is selected below a field is answered. */
function itemsOf(field: Parameters<ComplexityEstimator>[0]['field'], { first }: { first?: unknown }): number {
  if (typeof first === 'number') return Math.min(Math.max(first, 1), MAX_PAGE);
  // Of a connection, `first` has said how many.
  return isListType(getNullableType(field.type)) && field.name !== 'edges' ? ASSUMED_ITEMS : 1;
}

interface Operation {
  readonly operationName: string | null | undefined;
  readonly variables: Readonly<Record<string, unknown>> | null | undefined;
}

/**
 * What an operation of a valid document costs with these variables. Infinity past what is worth counting; 0 where it
 * cannot run at all, because it is not there or its variables are wrong: who executes it says what is the matter.
 */
export function costOf(schema: GraphQLSchema, document: DocumentNode, operation: Operation): number {
  const { operationName, variables } = operation;
  const chosen = getOperationAST(document, operationName);
  if (chosen === null || chosen === undefined) return 0;
  const values = { ...variables };
  const name = chosen.name?.value;
  try {
    return getComplexity({
      ...{ schema, query: document, variables: values, estimators: [estimate], maxQueryNodes: MAX_NODES },
      ...(name !== undefined && { operationName: name }),
    });
  } catch {
    const { errors } = getVariableValues(schema, chosen.variableDefinitions ?? [], values);
    return errors === undefined ? Infinity : 0;
  }
}

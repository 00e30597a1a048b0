import {
  createSourceEventStream,
  execute,
  getOperationAST,
  getVariableValues,
  getNamedType,
  isAbstractType,
  Kind,
  type ExecutionArgs,
  type ExecutionResult,
  type FragmentDefinitionNode,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';
import { endOperation, namedTrace } from './operation-trace.ts';
import { projectionOf, type Projection, type ProjectionScope } from './projection.ts';

type Answer = IteratorResult<ExecutionResult, undefined>;

type Event = Readonly<Record<string, unknown>> & { readonly type: string };

/**
 * As graphql-js' `subscribe`, but for the events of a generation: the selection set of a subscription does not change
 * while it runs, so it is made ready once instead of being executed anew for every token. Selections that need
 * resolvers (the plan, timings, errors) go through graphql-js.
 */
export async function subscribe(
  args: ExecutionArgs,
): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult> {
  const trace = namedTrace(args);
  const source = await createSourceEventStream(args);
  if (!isAsyncIterable(source)) {
    endOperation(trace, source.errors);
    return source;
  }
  const events = source[Symbol.asyncIterator]() as AsyncIterator<Event>;
  const respond = responder(args);
  const answer = (event: IteratorResult<Event>): Answer | Promise<Answer> => {
    if (event.done === true) {
      endOperation(trace);
      return { done: true, value: undefined };
    }
    const response = respond(event.value);
    return response instanceof Promise
      ? response.then((value) => ({ done: false, value }))
      : { done: false, value: response };
  };
  const fail = (error: unknown): never => {
    endOperation(trace, [error]);
    throw error;
  };
  const responses: AsyncIterableIterator<ExecutionResult> = {
    next: () => events.next().then(answer, fail),
    async return() {
      await events.return?.();
      endOperation(trace);
      return { done: true, value: undefined };
    },
    async throw(error) {
      await events.throw?.(error);
      throw error;
    },
    [Symbol.asyncIterator]: () => responses,
  };
  return responses;
}

function responder(args: ExecutionArgs): (event: Event) => ExecutionResult | Promise<ExecutionResult> {
  const executed = (event: Event) => execute({ ...args, rootValue: event });
  const plain = plainEvents(args);
  if (plain === null) return executed;
  const { responseName, projections } = plain;
  return (event) => {
    const project = projections.get(event.type);
    return project === undefined ? executed(event) : { data: { [responseName]: project(event) } };
  };
}

/** Null where the operation's root is not one plain field of events. */
function plainEvents({ schema, document, operationName, variableValues }: ExecutionArgs) {
  const operation = getOperationAST(document, operationName);
  const [field, ...others] = operation?.selectionSet.selections ?? [];
  if (operation === null || operation === undefined || field?.kind !== Kind.FIELD || others.length > 0)
    return null;
  if (field.selectionSet === undefined || (field.directives?.length ?? 0) > 0) return null;
  const variables = getVariableValues(schema, operation.variableDefinitions ?? [], variableValues ?? {});
  if (variables.coerced === undefined) return null;
  const fragments: Record<string, FragmentDefinitionNode> = {};
  for (const definition of document.definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition;
  const projections = new Map<string, Projection>();
  for (const type of eventTypes(schema, field.name.value)) {
    const scope: ProjectionScope = { schema, fragments, variables: variables.coerced };
    const projection = projectionOf(type, field.selectionSet, scope);
    if (projection !== null) projections.set(type.name, projection);
  }
  return { responseName: field.alias?.value ?? field.name.value, projections };
}

/** The types of events that a subscription field yields. Every leaf field of theirs is a property of the event. */
function eventTypes(schema: GraphQLSchema, fieldName: string): readonly GraphQLObjectType[] {
  const type = getNamedType(schema.getSubscriptionType()?.getFields()[fieldName]?.type);
  return type?.name === 'GenerationEvent' && isAbstractType(type) ? schema.getPossibleTypes(type) : [];
}

function isAsyncIterable(value: AsyncIterable<unknown> | ExecutionResult): value is AsyncIterable<unknown> {
  return Symbol.asyncIterator in value;
}

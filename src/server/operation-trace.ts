import type { ApolloServerPlugin } from '@apollo/server';
import { execute, getOperationAST, GraphQLError, type ExecutionArgs, type ExecutionResult } from 'graphql';
import { MixgateError } from '../errors.ts';
import type { RequestContext } from '../resolvers/services.ts';
import type { Trace, TraceCarrier, Tracing } from '../tracing/trace.ts';

/** The span of a GraphQL operation, the same over each transport. The document is not in it: it may hold a prompt. */

const KEYS = ['traceparent', 'tracestate'] as const;

/** Of headers, or of what a client sends in their place: the first source that names a caller's span counts. */
export function carrierOf(
  ...sources: readonly (Readonly<Record<string, unknown>> | null | undefined)[]
): TraceCarrier {
  const source = sources.find((each) => typeof each?.['traceparent'] === 'string');
  const entries = KEYS.map((key) => [key, source?.[key]] as const);
  return Object.fromEntries(
    entries.filter((entry): entry is readonly ['traceparent', string] => typeof entry[1] === 'string'),
  );
}

/** Until `endOperation`; null where nothing is traced. */
export const openOperation = (
  tracing: Tracing | null,
  requestId: string,
  carrier: TraceCarrier,
): Trace | null => tracing?.open('GraphQL Operation', carrier, { 'mixgate.request.id': requestId }) ?? null;

/** The span of an operation that is about to be executed, with its name by now. */
export function namedTrace({ contextValue, document, operationName }: ExecutionArgs): Trace | null {
  const { trace } = (contextValue ?? {}) as Partial<RequestContext>;
  if (trace === undefined || trace === null) return null;
  const operation = getOperationAST(document, operationName);
  if (operation) nameOperation(trace, operation.operation, operation.name?.value ?? null);
  return trace;
}

function nameOperation(trace: Trace, type: string, name: string | null): void {
  trace.rename(type);
  trace.set({ 'graphql.operation.type': type, ...(name !== null && { 'graphql.operation.name': name }) });
}

/** `errors`: what it was answered besides data. */
export function endOperation(trace: Trace | null, errors: readonly unknown[] = []): void {
  if (trace === null) return;
  if (errors.length > 0) trace.fail(codeOf(errors[0]));
  trace.end();
}

/** graphql-js' own, for queries and mutations over a socket. */
export async function tracedExecute(args: ExecutionArgs): Promise<ExecutionResult> {
  const trace = namedTrace(args);
  const result = await execute(args);
  endOperation(trace, result.errors);
  return result;
}

/** As callers get them: what is GraphQL's own is a wrong request. */
function codeOf(error: unknown): string {
  const cause = error instanceof GraphQLError ? error.originalError : error;
  if (cause instanceof MixgateError) return cause.code;
  return cause === undefined || cause instanceof GraphQLError ? 'INVALID_INPUT' : 'INTERNAL';
}

/** Over HTTP. */
export const traceOperations = (tracing: Tracing | null): ApolloServerPlugin<RequestContext> => ({
  async requestDidStart({ request, contextValue }) {
    const carrier = carrierOf(Object.fromEntries(request.http?.headers ?? []));
    const trace = openOperation(tracing, contextValue.requestId, carrier);
    if (trace === null) return;
    contextValue.trace = trace;
    return {
      async didResolveOperation({ operation, operationName }) {
        if (operation) nameOperation(trace, operation.operation, operationName);
      },
      async willSendResponse({ errors }) {
        endOperation(trace, errors);
      },
    };
  },
});

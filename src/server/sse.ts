import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { GraphQLError, type ExecutionResult, type GraphQLSchema } from 'graphql';
import { createHandler } from 'graphql-sse';
import type { Access } from '../access/access.ts';
import type { RequestContext, Services } from '../resolvers/services.ts';
import type { Trace, Tracing } from '../tracing/trace.ts';
import { accessEnds } from './access-ends.ts';
import type { Connections } from './connections.ts';
import type { Documents } from './documents/documents.ts';
import type { TakenDocuments } from './documents/http-documents.ts';
import { errorEnds } from './error-ends.ts';
import { introspectionProblem } from './introspection.ts';
import type { PublicErrors } from './public-error.ts';
import { carrierOf, endOperation, openOperation, tracedExecute } from './operation-trace.ts';
import { limited } from './request-limit.ts';
import { Pace } from './sse-pace.ts';
import { subscribe } from './subscribe.ts';

export interface TransportOptions {
  readonly schema: GraphQLSchema;
  readonly services: Services;
  readonly errors: PublicErrors;
  readonly access: Access;
  readonly documents: Documents;
  readonly connections: Connections;
  /** Null where nothing is traced. */
  readonly tracing: Tracing | null;
}

interface EventStreamOptions extends TransportOptions {
  readonly taken: TakenDocuments;
}

/** When clients that are sent away may come again, milliseconds. */
const RETRY_MS = 1000;

/** graphql-sse, distinct connections mode, at /graphql/stream. */
export function serveEventStream(app: FastifyInstance, options: EventStreamOptions) {
  const { errors, connections } = options;
  const open = new Set<ServerResponse>();
  const handler = streamHandler(options);

  app.route({
    method: ['GET', 'POST'],
    url: '/graphql/stream',
    handler: async (request, reply) => {
      const leave = connections.enter(request.ip);
      // graphql-sse wants this type alone, browsers and fetch libraries add others.
      if (request.headers.accept?.includes('text/event-stream')) request.headers.accept = 'text/event-stream';
      reply.hijack();
      open.add(reply.raw);
      // What a stream still has to say after its end is dropped.
      reply.raw.on('error', () => undefined);
      reply.raw.once('close', () => {
        open.delete(reply.raw);
        leave();
      });
      const pace = new Pace();
      try {
        const [body, init] = await handler(asked(request, pace));
        // nginx would hold events back until a buffer is full.
        const headers = { ...ownHeaders(reply), 'x-accel-buffering': 'no', ...init.headers };
        reply.raw.writeHead(init.status, init.statusText, headers);
        if (typeof body === 'string' || body === null) reply.raw.end(body);
        else await pour(body, reply.raw, pace);
      } catch (error) {
        const body = JSON.stringify({ errors: [errors.format(error, request.id)] });
        if (reply.raw.headersSent) reply.raw.destroy();
        else reply.raw.writeHead(500, { 'content-type': 'application/json; charset=utf-8' }).end(body);
      }
    },
  });

  return {
    /** Without `complete`: who reads has not read to the end, and is to come again. */
    close: () => open.forEach((response) => response.end(`retry: ${RETRY_MS}\n\n`)),
    /** Under way. */
    operations: () => open.size,
  };
}

const streamHandler = ({ schema, services, errors, access, tracing, documents, taken }: EventStreamOptions) =>
  createHandler<FastifyRequest, Pace, RequestContext & Record<PropertyKey, unknown>>({
    schema,
    execute: limited((args) => {
      const { caller } = args.contextValue as RequestContext;
      const originalError = introspectionProblem(schema, args.document, caller);
      if (originalError === null) return tracedExecute(args);
      endOperation((args.contextValue as RequestContext).trace, [originalError]);
      return { errors: [new GraphQLError(originalError.message, { originalError })] };
    }),
    subscribe: limited(async (args) => {
      const { caller } = args.contextValue as RequestContext;
      return accessEnds(errorEnds(await subscribe(args)), (onEnd) => access.watch(caller, onEnd));
    }),
    onSubscribe: ({ raw }, params) => {
      const document = taken.get(raw) ?? documents.take(params);
      // graphql-sse knows a result by its having `data`; what is undefined is not written.
      if ('errors' in document)
        return { data: undefined, errors: document.errors } as unknown as ExecutionResult;
      const { operationName, variables } = params;
      const trace = openOperation(tracing, raw.id, carrierOf(raw.headers));
      return {
        ...{ schema, document: document.document, contextValue: contextOf(raw, services, trace) },
        ...{ operationName, variableValues: variables },
      };
    },
    // Of what is refused before it has one.
    context: ({ raw }) => contextOf(raw, services),
    // No token: single connection mode is off.
    authenticate: () => null,
    // Each document has been validated when it was taken.
    validate: () => [],
    onOperation: (_context, { context: pace }, _args, result) =>
      Symbol.asyncIterator in result
        ? pace.follow(result as AsyncIterableIterator<ExecutionResult>)
        : undefined,
    onNext: (_context, { raw }, result) => {
      if (result.errors === undefined) return undefined;
      return { ...result, errors: errors.formatAll(result.errors, raw.id) } as unknown as ExecutionResult;
    },
  });

const contextOf = ({ caller, id }: FastifyRequest, services: Services, trace: Trace | null = null) =>
  ({ ...services, caller, requestId: id, trace }) satisfies RequestContext;

/** A request as graphql-sse knows one. */
const asked = (request: FastifyRequest, pace: Pace) => ({
  method: request.method,
  url: request.url,
  headers: {
    get: (name: string) => {
      const value = request.headers[name.toLowerCase()];
      return Array.isArray(value) ? value.join('\n') : value;
    },
  },
  body: request.body as Record<string, unknown> | null,
  raw: request,
  context: pace,
});

/** What hooks have given the answer so far. */
const ownHeaders = (reply: FastifyReply): Record<string, string> =>
  Object.fromEntries(
    Object.entries(reply.getHeaders()).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : String(value)]],
    ),
  );

/** Writes a stream's events, each when the one before has left. */
async function pour(
  events: AsyncGenerator<string, void, undefined>,
  response: ServerResponse,
  pace: Pace,
): Promise<void> {
  const gone = (): void => {
    pace.left();
    void events.return();
  };
  response.once('close', gone);
  for await (const event of events) {
    if (!response.writable) break;
    await new Promise<void>((resolve, reject) => {
      response.write(event, (error) => (error ? reject(error) : resolve()));
    });
    if (event.startsWith('event: next')) pace.left();
  }
  response.off('close', gone);
  response.end();
}

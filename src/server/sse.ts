import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ExecutionArgs, ExecutionResult, GraphQLSchema } from 'graphql';
import { createHandler } from 'graphql-sse/lib/use/fastify';
import type { ServerResponse } from 'node:http';
import type { RequestContext, Services } from '../resolvers/services.ts';
import type { Tracing } from '../tracing/trace.ts';
import { httpCaller } from './caller.ts';
import { Documents } from './documents.ts';
import { errorEnds } from './error-ends.ts';
import type { PublicErrors } from './public-error.ts';
import { carrierOf, openOperation, tracedExecute } from './operation-trace.ts';
import { subscribe } from './subscribe.ts';

export interface TransportOptions {
  readonly schema: GraphQLSchema;
  readonly services: Services;
  readonly errors: PublicErrors;
  /** Null where nothing is traced. */
  readonly tracing: Tracing | null;
}

/** graphql-sse, distinct connections mode, at /graphql/stream. */
export function serveEventStream(app: FastifyInstance, options: TransportOptions) {
  const { schema, services, errors, tracing } = options;
  const open = new Set<ServerResponse>();
  const documents = new Documents(schema);
  const contextOf = ({ raw }: { readonly raw: FastifyRequest }) => {
    const caller = httpCaller(raw.headers, raw.ip);
    return { ...services, caller, requestId: raw.id, trace: null } satisfies RequestContext;
  };
  const handler = createHandler({
    subscribe: async (args: ExecutionArgs) => errorEnds(await subscribe(args)),
    execute: tracedExecute,
    context: contextOf,
    // No token: single connection mode is off.
    authenticate: () => null,
    onSubscribe: (request, { query, operationName, variables }) => {
      const checked = documents.check(query);
      // graphql-sse knows a result by its key `data`; left undefined it is not written.
      if ('errors' in checked)
        return { data: undefined, errors: checked.errors } as unknown as ExecutionResult;
      const trace = openOperation(tracing, request.raw.id, carrierOf(request.raw.headers));
      const contextValue = { ...contextOf(request), trace } satisfies RequestContext;
      return { schema, document: checked.document, operationName, variableValues: variables, contextValue };
    },
    // Done by then, and only once for each document.
    validate: () => [],
    onNext: (_context, { raw }, result) => {
      if (result.errors === undefined) return undefined;
      return { ...result, errors: errors.formatAll(result.errors, raw.id) } as unknown as ExecutionResult;
    },
  });

  app.route({
    method: ['GET', 'POST'],
    url: '/graphql/stream',
    handler: async (request, reply) => {
      // graphql-sse wants this type alone, browsers and fetch libraries add others.
      if (request.headers.accept?.includes('text/event-stream')) request.headers.accept = 'text/event-stream';
      // nginx would hold events back until a buffer is full.
      reply.raw.setHeader('x-accel-buffering', 'no');
      reply.hijack();
      open.add(reply.raw);
      reply.raw.once('close', () => open.delete(reply.raw));
      try {
        await handler(request, reply);
      } catch (error) {
        const body = JSON.stringify({ errors: [errors.format(error, request.id)] });
        if (reply.raw.headersSent) reply.raw.destroy();
        else reply.raw.writeHead(500, { 'content-type': 'application/json; charset=utf-8' }).end(body);
      }
    },
  });

  return {
    close: () => open.forEach((response) => response.destroy()),
    /** Under way. */
    operations: () => open.size,
  };
}

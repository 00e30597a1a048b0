import type { FastifyInstance } from 'fastify';
import {
  validate,
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLError,
  type GraphQLSchema,
} from 'graphql';
import { createHandler } from 'graphql-sse/lib/use/fastify';
import type { ServerResponse } from 'node:http';
import type { RequestContext, Services } from '../resolvers/services.ts';
import type { Tracing } from '../tracing/trace.ts';
import { httpCaller } from './caller.ts';
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
  const handler = createHandler({
    schema,
    subscribe: async (args: ExecutionArgs) => errorEnds(await subscribe(args)),
    execute: tracedExecute,
    context: ({ raw }) => {
      const caller = httpCaller(raw.headers, raw.ip);
      const trace = openOperation(tracing, raw.id, carrierOf(raw.headers));
      return { ...services, caller, requestId: raw.id, trace } satisfies RequestContext;
    },
    // No token: single connection mode is off.
    authenticate: () => null,
    // Both are only written out from here on, for which the formatted shape serves.
    validate: (...args) => errors.formatAll(validate(...args)) as unknown as GraphQLError[],
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

import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { ApolloServer } from '@apollo/server';
import fastifyApollo, { fastifyApolloDrainPlugin } from '@as-integrations/fastify';
import fastify, { type FastifyInstance } from 'fastify';
import type { GraphQLSchema } from 'graphql';
import { MixgateError, messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { RequestContext, Services } from '../resolvers/services.ts';
import type { Tracing } from '../tracing/trace.ts';
import { landingPage, namesRequests, noSubscriptionsOverHttp, specStatus } from './apollo-plugins.ts';
import { httpCaller } from './caller.ts';
import { PARSE_OPTIONS } from './documents.ts';
import { healthRoutes } from './health.ts';
import { metricsRoute } from './gauges.ts';
import type { Metrics } from './metrics.ts';
import { traceOperations } from './operation-trace.ts';
import { servePages } from './pages.ts';
import { PublicErrors } from './public-error.ts';
import { weightsRoute, type PublishedWeights } from './published-weights.ts';
import { requestIdOf, tellRequestIds } from './request-id.ts';
import { serveEventStream } from './sse.ts';
import { serveWebSocket } from './websocket.ts';

export interface ServerOptions {
  readonly schema: GraphQLSchema;
  readonly services: Services;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Null where nothing is traced. */
  readonly tracing: Tracing | null;
  readonly weights: PublishedWeights;
  /** Of what Vite built: `worker` and `dashboard`. */
  readonly pagesFolder: string;
  /** False while the gateway drains. */
  readonly isReady: () => boolean;
}

export interface Server {
  /** Address of the GraphQL endpoint. */
  readonly url: string;
  /** Takes no new connections, ends every subscription, and resolves when all sockets are closed. */
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 4 * 2 ** 20;

/** One schema and one context over HTTP, WebSocket and server-sent events. @throws INVALID_INPUT when the port is taken */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { schema, services, host, port, log, metrics, tracing, isReady } = options;
  const errors = new PublicErrors(log, (code) => metrics.errorAnswered(code));
  const app = fastify({
    bodyLimit: MAX_BODY_BYTES,
    forceCloseConnections: true,
    genReqId: ({ headers }) => requestIdOf(headers),
  });
  tellRequestIds(app, log);
  const apollo = new ApolloServer<RequestContext>({
    schema,
    plugins: [
      ...[specStatus, noSubscriptionsOverHttp, landingPage, namesRequests(errors), traceOperations(tracing)],
      fastifyApolloDrainPlugin(app),
    ],
    formatError: (_formatted, error) => errors.format(error),
    parseOptions: PARSE_OPTIONS,
    csrfPrevention: true,
    introspection: true,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
  });
  await apollo.start();

  graphqlErrors(app, errors);
  await app.register(fastifyApollo(apollo), {
    path: '/graphql',
    method: ['GET', 'POST'],
    context: async ({ id, headers, ip }) => ({
      ...services,
      caller: httpCaller(headers, ip),
      requestId: id,
      trace: null,
    }),
  });
  const sse = serveEventStream(app, { schema, services, errors, tracing });
  healthRoutes(app, services, isReady);
  metricsRoute(app, metrics, services, () => ({
    webSockets: webSocket?.sockets() ?? 0,
    subscriptions: { websocket: webSocket?.operations() ?? 0, sse: sse.operations() },
  }));
  await servePages(app, options.pagesFolder);
  weightsRoute(app, options.weights);

  await listen(app, host, port);
  // After listening, or ws would report the server's own errors, such as a port in use, as its own.
  const webSocket = serveWebSocket(app.server, { schema, services, errors, tracing, log });
  const { address, port: actualPort, family } = app.server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${actualPort}/graphql`,
    async close() {
      // What readers have just been given is still on its way to the sockets.
      await setImmediate();
      sse.close();
      await webSocket.close();
      await apollo.stop();
      await app.close();
    },
  };
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<void> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const advice =
      code === 'EADDRINUSE'
        ? `Port ${port} of ${host} is in use: stop what listens there, or choose another with --port (0 takes a free one).`
        : `Cannot listen on ${host}:${port}: ${messageOf(error)}`;
    throw new MixgateError('INVALID_INPUT', advice, { host, port, reason: code });
  }
}

/** What fails before GraphQL (a body that is no JSON, a wrong content type) is answered in GraphQL's form too. */
function graphqlErrors(app: FastifyInstance, errors: PublicErrors): void {
  app.removeContentTypeParser('text/plain');
  app.setErrorHandler<Error & { statusCode?: number }>((error, request, reply) => {
    const status = error.statusCode ?? 500;
    const formatted =
      status < 500
        ? errors.format(new MixgateError('INVALID_INPUT', error.message), request.id)
        : errors.format(error, request.id);
    const isGraphql = request.headers.accept?.includes('application/graphql-response+json') === true;
    const type = isGraphql ? 'application/graphql-response+json' : 'application/json';
    return reply
      .code(status)
      .header('cache-control', 'no-store')
      .type(`${type}; charset=utf-8`)
      .send(JSON.stringify({ errors: [formatted] }));
  });
  app.setNotFoundHandler(({ id }, reply) => {
    const error = new MixgateError('NOT_FOUND', 'Nothing is here. The API is at /graphql.');
    return reply.code(404).send({ errors: [errors.format(error, id)] });
  });
}

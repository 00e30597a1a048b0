import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import fastifyApollo, { fastifyApolloDrainPlugin } from '@as-integrations/fastify';
import fastify, { type FastifyInstance } from 'fastify';
import type { GraphQLSchema } from 'graphql';
import type { Access } from '../access/access.ts';
import { MixgateError, messageOf, type ErrorCode } from '../errors.ts';
import type { ConfigStatus } from './config-status.ts';
import type { Log } from '../log.ts';
import type { RequestContext, Services } from '../resolvers/services.ts';
import type { Tracing } from '../tracing/trace.ts';
import { asksForCredentials, CHALLENGE, namesRequests } from './apollo-plugins.ts';
import { noSubscriptionsOverHttp, specStatus } from './apollo-plugins.ts';
import { Callers } from './caller.ts';
import { Connections } from './connections.ts';
import { Documents } from './documents/documents.ts';
import { documentStore, takeHttpDocuments } from './documents/http-documents.ts';
import { readTrustedDocuments } from './documents/read-trusted.ts';
import type { Exposure } from './exposure.ts';
import { healthRoutes } from './health.ts';
import { metricsRoute, type OpenCounts } from './gauges.ts';
import { configGauges } from './config-gauges.ts';
import type { Metrics } from './metrics.ts';
import { carrierOf, traceOperations } from './operation-trace.ts';
import { Origins } from './origins.ts';
import { servePages } from './pages.ts';
import { PATIENCE, protect } from './protection.ts';
import { PublicErrors } from './public-error.ts';
import { weightsRoute, type PublishedWeights } from './published-weights.ts';
import { requestIdOf, tellRequestIds } from './request-id.ts';
import { countsWrong, limitsRequests, retryAfter } from './request-limit.ts';
import { serveEventStream } from './sse.ts';
import { serveWebSocket } from './websocket.ts';

export interface ServerOptions {
  readonly schema: GraphQLSchema;
  readonly services: Services;
  readonly access: Access;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly exposure: Exposure;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Null where nothing is traced. */
  readonly tracing: Tracing | null;
  readonly weights: PublishedWeights;
  /** Of what Vite built: `worker` and `dashboard`. */
  readonly pagesFolder: string;
  /** Of the last reading of the configuration. */
  readonly configStatus: () => ConfigStatus;
}

export interface Server {
  /** Address of the GraphQL endpoint. */
  readonly url: string;
  /** Is not ready from now on, and sends away who has nothing under way; answers until it is closed. */
  drain(): void;
  /** Takes no new connections, ends every subscription, and resolves when all sockets are closed. */
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 4 * 2 ** 20;

/** One schema and one context over HTTP, WebSocket and server-sent events. @throws INVALID_INPUT when the port is taken */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { schema, services, access, host, port, exposure, log, metrics, tracing } = options;
  let isDraining = false;
  const documents = await createDocuments(options);
  const origins = new Origins({ host, ...exposure });
  const connections = new Connections(exposure);
  const errors = new PublicErrors(log, (...answer) => metrics.errorAnswered(...answer));
  const app = createApp();
  tellRequestIds(app, log);
  await protect(app, { origins, allowedOrigins: exposure.allowedOrigins, errors });
  const callers = new Callers({ access, metrics, log, failedSignIns: services.rates.failedSignIns });
  callers.identifyRequests(app);
  const onWrong = countsWrong(services, tracing);
  const taken = takeHttpDocuments(app, documents, {
    errors,
    onWrong: ({ caller, id, headers }, refusals) =>
      onWrong({ caller, id, carrier: carrierOf(headers) }, refusals),
  });
  const apollo = createApollo(app, options, documents, errors);
  await apollo.start();

  graphqlErrors(app, errors);
  await app.register(fastifyApollo(apollo), {
    path: '/graphql',
    method: ['GET', 'POST'],
    context: async ({ id, caller }) => ({ ...services, caller, requestId: id, trace: null }),
  });
  const sse = serveEventStream(app, {
    ...{ schema, services, errors, access, tracing, documents, taken, connections },
  });
  const open = () => ({
    webSockets: webSocket?.sockets() ?? 0,
    subscriptions: { websocket: webSocket?.operations() ?? 0, sse: sse.operations() },
  });
  operatorRoutes(app, options, { isReady: () => !isDraining, open });
  await servePages(app, options.pagesFolder, services.identityProvider?.issuer ?? null);
  weightsRoute(app, options.weights);

  await listen(app, host, port);
  access.start();
  // After listening, or ws would report the server's own errors, such as a port in use, as its own.
  const webSocket = serveWebSocket(app.server, {
    ...{ schema, services, errors, access, callers, tracing, onWrong, log, documents, connections, origins },
    limits: exposure,
  });
  const { address, port: actualPort, family } = app.server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${actualPort}/graphql`,
    drain() {
      isDraining = true;
      webSocket.drain();
    },
    async close() {
      // What readers have just been given is still on its way to the sockets.
      await setImmediate();
      access.close();
      sse.close();
      await webSocket.close();
      await apollo.stop();
      await app.close();
    },
  };
}

/** No route declares a JSON schema: Fastify's own compilers would be 475 modules that nobody calls. */
const noJsonSchemas = () => (): never => {
  throw new Error('Routes are not validated by JSON schemas here.');
};

const createApp = (): FastifyInstance =>
  fastify({
    schemaController: {
      compilersFactory: { buildValidator: noJsonSchemas, buildSerializer: noJsonSchemas },
    },
    bodyLimit: MAX_BODY_BYTES,
    forceCloseConnections: true,
    requestTimeout: PATIENCE.requestTimeout,
    http: PATIENCE,
    genReqId: ({ headers }) => requestIdOf(headers),
  });

function createApollo(
  app: FastifyInstance,
  { schema, tracing }: Pick<ServerOptions, 'schema' | 'tracing'>,
  documents: Documents,
  errors: PublicErrors,
): ApolloServer<RequestContext> {
  return new ApolloServer<RequestContext>({
    schema,
    plugins: [
      ...[specStatus, noSubscriptionsOverHttp, asksForCredentials, namesRequests(errors), limitsRequests],
      traceOperations(tracing),
      ApolloServerPluginLandingPageDisabled(),
      fastifyApolloDrainPlugin(app),
    ],
    formatError: (_formatted, error) => errors.format(error),
    documentStore: documentStore(documents),
    // Ids are looked up before: nothing is remembered because a client says so.
    persistedQueries: false,
    csrfPrevention: true,
    introspection: true,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
  });
}

async function createDocuments({ schema, exposure, pagesFolder }: ServerOptions): Promise<Documents> {
  const { trustedDocuments: places, trustedDocumentsOnly: trustedOnly } = exposure;
  const own = path.join(pagesFolder, 'documents.json');
  const trusted = await readTrustedDocuments({ schema, places, own });
  return new Documents({
    ...{ schema, limits: exposure, trusted, trustedOnly },
    knowsClients: trustedOnly || places.length > 0,
  });
}
/** What whoever runs the gateway asks. */
function operatorRoutes(
  app: FastifyInstance,
  { services, metrics, configStatus }: ServerOptions,
  { isReady, open }: { readonly isReady: () => boolean; readonly open: () => OpenCounts },
): void {
  endsKeepAlive(app, isReady);
  healthRoutes(app, services, { isReady, configStatus });
  configGauges(metrics.registry, configStatus);
  metricsRoute(app, metrics, services, open);
}

/** While it drains, a balancer that keeps connections is to take another gateway for its next request. */
const endsKeepAlive = (app: FastifyInstance, isReady: () => boolean) =>
  app.addHook('onSend', async (_request, reply) => {
    if (!isReady()) reply.header('connection', 'close');
  });

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

/** How HTTP says what ends a request before anything of it is done; of others 400. */
const STATUSES: Partial<Record<ErrorCode, number>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  SOURCE_UNAVAILABLE: 503,
  TOO_MANY_CONNECTIONS: 503,
  RATE_LIMITED: 429,
};

/** What fails before GraphQL (a body that is no JSON, a wrong content type) is answered in GraphQL's form too. */
function graphqlErrors(app: FastifyInstance, errors: PublicErrors): void {
  app.removeContentTypeParser('text/plain');
  app.setErrorHandler<Error & { statusCode?: number }>((error, request, reply) => {
    const isOurs = error instanceof MixgateError;
    const status = isOurs ? (STATUSES[error.code] ?? 400) : (error.statusCode ?? 500);
    if (status === 401) void reply.header('www-authenticate', CHALLENGE);
    if (isOurs && status === 429) void reply.header('retry-after', retryAfter(error));
    const formatted =
      status < 500 && !isOurs
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

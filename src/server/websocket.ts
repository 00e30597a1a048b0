import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server as HttpServer } from 'node:http';
import { GraphQLError, type FormattedExecutionResult } from 'graphql';
import { CloseCode, GRAPHQL_TRANSPORT_WS_PROTOCOL, makeServer, type Context, type Server } from 'graphql-ws';
import { safeParse as safelyParseJson } from 'secure-json-parse';
import { WebSocketServer, type WebSocket } from 'ws';
import { messageOf, MixgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { RequestContext } from '../resolvers/services.ts';
import { socketCaller } from './caller.ts';
import type { Origins } from './origins.ts';
import { misplacedOf } from './protection.ts';
import type { TransportOptions } from './sse.ts';
import { subscribe } from './subscribe.ts';

const MAX_MESSAGE_BYTES = 4 * 2 ** 20;
const CONNECTION_INIT_MS = 10_000;
/** A client that does not answer a ping within this time is given up. */
const KEEP_ALIVE_MS = 12_000;

/** A client that sends more than it reads of the answers is given up when so much waits for it. */
const MAX_BUFFERED_BYTES = 16 * 2 ** 20;

export interface WebSocketOptions extends TransportOptions {
  readonly log: Log;
  readonly origins: Origins;
  /** Operations under way at once on one socket. */
  readonly maxSubscriptions: number;
}

interface Extra {
  readonly socket: WebSocket;
}

/** graphql-transport-ws at /graphql. graphql-ws awaits each send, so that a slow client slows only its own reading. */
export function serveWebSocket(server: HttpServer, options: WebSocketOptions) {
  const sockets = new WebSocketServer({
    server,
    path: '/graphql',
    maxPayload: MAX_MESSAGE_BYTES,
    verifyClient: ({ req }, done) => {
      const refusal = refusalOf(req, options);
      if (refusal === null) return done(true);
      const { status, error } = refusal;
      const body = JSON.stringify({ errors: [options.errors.format(error)] });
      return done(false, status, body, { 'Content-Type': 'application/json; charset=utf-8' });
    },
    handleProtocols: (protocols) =>
      protocols.has(GRAPHQL_TRANSPORT_WS_PROTOCOL) ? GRAPHQL_TRANSPORT_WS_PROTOCOL : false,
  });
  const contexts = new Set<Pick<Context, 'subscriptions'>>();
  const graphql = graphqlServer(options, contexts);
  // The HTTP server's own, which ws passes on.
  sockets.on('error', (error) => options.errors.format(error));
  sockets.on('connection', (socket) => attach(socket, { ...options, graphql }));
  return {
    close: async () => {
      for (const socket of sockets.clients) socket.close(GOING_AWAY, 'Going away');
      await new Promise<void>((resolve) => sockets.close(() => resolve()));
    },
    sockets: () => sockets.clients.size,
    /** Under way, queries included. */
    operations: () =>
      [...contexts].reduce((sum, { subscriptions }) => sum + Object.keys(subscriptions).length, 0),
  };
}

const GOING_AWAY = 1001;

/** Keeps the connections that are open in `contexts`. */
function graphqlServer(
  { schema, services, errors, documents, maxSubscriptions }: WebSocketOptions,
  contexts: Set<Pick<Context, 'subscriptions'>>,
): Server<Extra> {
  const ids = new WeakMap<WebSocket, string>();
  const socketId = (socket: WebSocket) => {
    const id = ids.get(socket) ?? randomUUID();
    ids.set(socket, id);
    return id;
  };
  return makeServer<Record<string, unknown>, Extra>({
    schema,
    subscribe,
    context: ({ connectionParams, extra }) => {
      const caller = socketCaller(connectionParams, socketId(extra.socket));
      return { ...services, caller, requestId: randomUUID() } satisfies RequestContext;
    },
    onConnect: (context) => void contexts.add(context),
    onClose: (context) => void contexts.delete(context),
    connectionInitWaitTimeout: CONNECTION_INIT_MS,
    onSubscribe: ({ subscriptions }, _id, payload) => {
      if (Object.keys(subscriptions).length > maxSubscriptions)
        return [tooManySubscriptions(maxSubscriptions)];
      const { operationName, variables } = payload;
      const taken = documents.take(payload);
      if ('errors' in taken) return taken.errors;
      return { schema, document: taken.document, operationName, variableValues: variables };
    },
    onError: (_context, _id, _payload, failures) => errors.formatAll(failures),
    onNext: (_context, _id, _payload, { contextValue }, result) => {
      if (result.errors === undefined) return undefined;
      const { requestId } = contextValue as RequestContext;
      return { ...result, errors: errors.formatAll(result.errors, requestId) } as FormattedExecutionResult;
    },
  });
}

function tooManySubscriptions(maximum: number): GraphQLError {
  const error = new MixgateError(
    'TOO_MANY_CONNECTIONS',
    `${maximum} operations are under way on this socket, and more are not allowed (maxSubscriptionsPerSocket). End some, or open another socket.`,
    { limit: 'maxSubscriptionsPerSocket', maximum },
  );
  return new GraphQLError(error.message, { originalError: error });
}

interface Refusal {
  readonly status: number;
  readonly error: MixgateError;
}

/** Why a request does not become a WebSocket; where it does, its place is taken until its connection is closed. */
function refusalOf(request: IncomingMessage, { origins, connections }: WebSocketOptions): Refusal | null {
  const misplaced = misplacedOf(request, origins);
  if (misplaced !== null) return misplaced;
  try {
    request.socket.once('close', connections.enter(request.socket.remoteAddress ?? 'unknown'));
    return null;
  } catch (error) {
    if (error instanceof MixgateError) return { status: 503, error };
    throw error;
  }
}

interface Attachment extends WebSocketOptions {
  readonly graphql: Server<Extra>;
}

/**
 * As graphql-ws' own `useServer`, which writes to the console whenever a tab is closed in mid-answer: what was on its
 * way to a client that is gone is no error here.
 */
function attach(socket: WebSocket, { graphql, errors, log }: Attachment): void {
  const isOpen = () => socket.readyState === socket.OPEN;
  const lost = (error: unknown) => log.debug('socket.lost', { reason: messageOf(error) });
  // ws closes it by itself.
  socket.on('error', lost);
  const endKeepAlive = keepAlive(socket);
  for (const event of ['message', 'ping'])
    socket.on(event, () => {
      if (socket.bufferedAmount > MAX_BUFFERED_BYTES) socket.terminate();
    });
  const closed = graphql.opened(
    {
      protocol: socket.protocol,
      send: (data) =>
        new Promise((resolve) => {
          if (!isOpen()) return resolve();
          socket.send(data, (error) => {
            if (error) lost(error);
            resolve();
          });
        }),
      close: (code, reason) => socket.close(code, reason),
      onMessage: (take) => {
        socket.on('message', (message: Buffer) => {
          const text = message.toString();
          if (isPoisoned(text)) return socket.close(CloseCode.BadRequest, 'Invalid message received');
          take(text).catch((error: unknown) =>
            socket.close(CloseCode.InternalServerError, errors.format(error).message.slice(0, MAX_REASON)),
          );
        });
      },
    },
    { socket },
  );
  socket.once('close', (code, reason) => {
    endKeepAlive();
    void closed(code, reason.toString());
  });
}

/** Whether JSON would change prototypes where its objects are merged; over HTTP fastify refuses it. */
const isPoisoned = (text: string): boolean => SUSPECT.test(text) && safelyParseJson(text) === null;
const SUSPECT = /__proto__|constructor|\\u00/;

/** What a close frame has room for, bytes. */
const MAX_REASON = 123;

/** Ends a connection whose other end is gone without a word. Returns what ends the looking. */
function keepAlive(socket: WebSocket): () => void {
  let hasAnswered = true;
  socket.on('pong', () => (hasAnswered = true));
  const timer = setInterval(() => {
    if (!hasAnswered) return socket.terminate();
    hasAnswered = false;
    if (socket.readyState === socket.OPEN) socket.ping();
  }, KEEP_ALIVE_MS);
  return () => clearInterval(timer);
}

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server as HttpServer } from 'node:http';
import { GraphQLError, type FormattedExecutionResult } from 'graphql';
import { CloseCode, GRAPHQL_TRANSPORT_WS_PROTOCOL, makeServer, type Context, type Server } from 'graphql-ws';
import { safeParse as safelyParseJson } from 'secure-json-parse';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Caller } from '../access/caller.ts';
import { missingCredentials } from '../access/role.ts';
import { messageOf, MixgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { RequestContext } from '../resolvers/services.ts';
import type { Callers, SocketOrigin } from './caller.ts';
import type { Exposure } from './exposure.ts';
import type { Origins } from './origins.ts';
import { carrierOf, openOperation, tracedExecute } from './operation-trace.ts';
import { misplacedOf } from './protection.ts';
import { limited, type OnWrong } from './request-limit.ts';
import type { TransportOptions } from './sse.ts';
import { subscribe } from './subscribe.ts';
import { isWorkerTraffic } from './worker-traffic.ts';

const MAX_MESSAGE_BYTES = 4 * 2 ** 20;
const CONNECTION_INIT_MS = 10_000;
/** A client that does not answer a ping within this time is given up. */
const KEEP_ALIVE_MS = 12_000;

/** A client that sends more than it reads of the answers is given up when so much waits for it. */
const MAX_BUFFERED_BYTES = 16 * 2 ** 20;

export interface WebSocketOptions extends TransportOptions {
  readonly callers: Callers;
  readonly log: Log;
  readonly origins: Origins;
  readonly limits: Pick<Exposure, 'maxSubscriptionsPerSocket'>;
  readonly onWrong: OnWrong;
}

interface Extra extends SocketOrigin {
  readonly socket: WebSocket;
  /** Known once connection_init was taken. */
  caller: Caller | null;
}

type SocketContext = Pick<Context<Record<string, unknown>, Extra>, 'subscriptions' | 'extra'>;

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
  const contexts = new Set<SocketContext>();
  const graphql = graphqlServer(options, contexts);
  // The HTTP server's own, which ws passes on.
  sockets.on('error', (error) => options.errors.format(error));
  sockets.on('connection', (socket, request) =>
    attach({ ...originOf(request), socket, caller: null }, { ...options, graphql }),
  );
  return {
    /** Sends away who has nothing under way. */
    drain: () => {
      const busy = [...contexts].filter(({ subscriptions }) => Object.keys(subscriptions).length > 0);
      const isBusy = new Set(busy.map(({ extra }) => extra.socket));
      for (const socket of sockets.clients) if (!isBusy.has(socket)) sendAway(socket);
    },
    /** Resolves when every socket is closed; one whose other end does not answer is cut. */
    close: async () => {
      for (const socket of sockets.clients) sendAway(socket);
      const timer = setTimeout(() => sockets.clients.forEach((socket) => socket.terminate()), GOODBYE_MS);
      await new Promise<void>((resolve) => sockets.close(() => resolve()));
      clearTimeout(timer);
    },
    sockets: () => sockets.clients.size,
    /** Under way, queries included. */
    operations: () =>
      [...contexts].reduce((sum, { subscriptions }) => sum + Object.keys(subscriptions).length, 0),
  };
}

/** Close code of the WebSocket registry: clients connect again. */
const SERVICE_RESTART = 1012;
/** How long a client may take to answer a goodbye. */
const GOODBYE_MS = 1000;

const sendAway = (socket: WebSocket): void => socket.close(SERVICE_RESTART, 'Service restart');

const originOf = ({ headers, socket }: IncomingMessage): SocketOrigin => ({
  ...{ id: randomUUID(), headers },
  address: socket.remoteAddress ?? 'unknown',
});

/** Keeps the connections that are open in `contexts`. */
function graphqlServer(
  { schema, services, errors, access, callers, tracing, documents, limits, onWrong }: WebSocketOptions,
  contexts: Set<SocketContext>,
): Server<Extra> {
  return makeServer<Record<string, unknown>, Extra>({
    schema,
    subscribe: limited(subscribe),
    execute: limited(tracedExecute),
    context: ({ connectionParams, extra }, _id, { extensions }, args) => {
      const requestId = randomUUID();
      // Of this operation, else of all that the socket carries.
      const trace = isWorkerTraffic(args)
        ? null
        : openOperation(tracing, requestId, carrierOf(extensions, connectionParams));
      return { ...services, caller: extra.caller!, requestId, trace } satisfies RequestContext;
    },
    onConnect: async (context) => {
      const { extra, connectionParams } = context;
      const { socket } = extra;
      try {
        const caller = await callers.ofSocket(connectionParams, extra);
        if (caller.role === null) throw missingCredentials('This socket');
        extra.caller = caller;
        contexts.add(context);
        socket.once(
          'close',
          access.watch(caller, (reason) => refuse(socket, reason)),
        );
        return true;
      } catch (error) {
        if (!(error instanceof MixgateError)) throw error;
        refuse(socket, error);
        return false;
      }
    },
    onClose: (context) => void contexts.delete(context),
    connectionInitWaitTimeout: CONNECTION_INIT_MS,
    onSubscribe: ({ subscriptions, extra, connectionParams }, _id, payload) => {
      const { maxSubscriptionsPerSocket: maximum } = limits;
      if (Object.keys(subscriptions).length > maximum) return [tooManySubscriptions(maximum)];
      const { operationName, variables } = payload;
      const taken = documents.take(payload);
      if ('errors' in taken) {
        const carrier = carrierOf(payload.extensions, connectionParams);
        onWrong({ caller: extra.caller!, id: randomUUID(), carrier }, taken.errors);
        return taken.errors;
      }
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

const TRY_AGAIN_LATER = 1013;
/** How long who is refused may take to answer the close frame. */
const FAREWELL_MS = 1000;

/** Nothing shown is 4401, which clients take as final; what does not count is 4403, after which one may come with better. */
function refuse(socket: WebSocket, { code, message, data }: MixgateError): void {
  const isMissing = code === 'UNAUTHENTICATED' && data['reason'] === 'MISSING';
  const isRefused = code === 'UNAUTHENTICATED' || code === 'FORBIDDEN';
  const refusal = isMissing ? CloseCode.Unauthorized : CloseCode.Forbidden;
  socket.close(isRefused ? refusal : TRY_AGAIN_LATER, reasonOf(message));
  // What it has under way ends with the socket, whatever it answers.
  const timer = setTimeout(() => socket.terminate(), FAREWELL_MS);
  socket.once('close', () => clearTimeout(timer));
}

/**
 * As graphql-ws' own `useServer`, which writes to the console whenever a tab is closed in mid-answer: what was on its
 * way to a client that is gone is no error here.
 */
function attach(extra: Extra, { graphql, errors, log }: Attachment): void {
  const { socket } = extra;
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
          // Who was shown out is not listened to any more.
          if (!isOpen()) return;
          const text = message.toString();
          if (isPoisoned(text)) return socket.close(CloseCode.BadRequest, 'Invalid message received');
          take(text).catch((error: unknown) =>
            socket.close(CloseCode.InternalServerError, reasonOf(errors.format(error).message)),
          );
        });
      },
    },
    extra,
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

/** Cut between two characters. */
const reasonOf = (message: string): string =>
  Buffer.byteLength(message) <= MAX_REASON
    ? message
    : `${new TextDecoder().decode(Buffer.from(message).subarray(0, MAX_REASON - 3)).replace(/\uFFFD+$/, '')}…`;

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

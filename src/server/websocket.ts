import { randomUUID } from 'node:crypto';
import type { Server as HttpServer } from 'node:http';
import type { FormattedExecutionResult } from 'graphql';
import { CloseCode, GRAPHQL_TRANSPORT_WS_PROTOCOL, makeServer, type Context, type Server } from 'graphql-ws';
import { WebSocketServer, type WebSocket } from 'ws';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { RequestContext } from '../resolvers/services.ts';
import { Documents } from './documents.ts';
import { socketCaller } from './caller.ts';
import { carrierOf, isWorkerTraffic, openOperation, tracedExecute } from './operation-trace.ts';
import type { TransportOptions } from './sse.ts';
import { subscribe } from './subscribe.ts';

const MAX_MESSAGE_BYTES = 4 * 2 ** 20;
const CONNECTION_INIT_MS = 10_000;
/** A client that does not answer a ping within this time is given up. */
const KEEP_ALIVE_MS = 12_000;

export interface WebSocketOptions extends TransportOptions {
  readonly log: Log;
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
  { schema, services, errors, tracing }: TransportOptions,
  contexts: Set<Pick<Context, 'subscriptions'>>,
): Server<Extra> {
  const ids = new WeakMap<WebSocket, string>();
  const socketId = (socket: WebSocket) => {
    const id = ids.get(socket) ?? randomUUID();
    ids.set(socket, id);
    return id;
  };
  const documents = new Documents(schema);
  return makeServer<Record<string, unknown>, Extra>({
    schema,
    subscribe,
    execute: tracedExecute,
    context: ({ connectionParams, extra }, _id, { extensions }, args) => {
      const caller = socketCaller(connectionParams, socketId(extra.socket));
      const requestId = randomUUID();
      // Of this operation, else of all that the socket carries.
      const trace = isWorkerTraffic(args)
        ? null
        : openOperation(tracing, requestId, carrierOf(extensions, connectionParams));
      return { ...services, caller, requestId, trace } satisfies RequestContext;
    },
    onConnect: (context) => void contexts.add(context),
    onClose: (context) => void contexts.delete(context),
    connectionInitWaitTimeout: CONNECTION_INIT_MS,
    onSubscribe: (_context, _id, { query, operationName, variables }) => {
      const checked = documents.check(query);
      if ('errors' in checked) return checked.errors;
      const { document } = checked;
      return { schema, document, operationName, variableValues: variables };
    },
    onError: (_context, _id, _payload, failures) => errors.formatAll(failures),
    onNext: (_context, _id, _payload, { contextValue }, result) => {
      if (result.errors === undefined) return undefined;
      const { requestId } = contextValue as RequestContext;
      return { ...result, errors: errors.formatAll(result.errors, requestId) } as FormattedExecutionResult;
    },
  });
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
          take(message.toString()).catch((error: unknown) =>
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

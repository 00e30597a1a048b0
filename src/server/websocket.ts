import { randomUUID } from 'node:crypto';
import type { Server as HttpServer } from 'node:http';
import type { FormattedExecutionResult } from 'graphql';
import { GRAPHQL_TRANSPORT_WS_PROTOCOL, type Context } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer, type WebSocket } from 'ws';
import type { RequestContext } from '../resolvers/services.ts';
import { Documents } from './documents.ts';
import { socketCaller } from './caller.ts';
import type { TransportOptions } from './sse.ts';
import { subscribe } from './subscribe.ts';

const MAX_MESSAGE_BYTES = 4 * 2 ** 20;
const CONNECTION_INIT_MS = 10_000;

/** graphql-transport-ws at /graphql. graphql-ws awaits each send, so that a slow client slows only its own reading. */
export function serveWebSocket(server: HttpServer, { schema, services, errors }: TransportOptions) {
  const sockets = new WebSocketServer({
    server,
    path: '/graphql',
    maxPayload: MAX_MESSAGE_BYTES,
    handleProtocols: (protocols) =>
      protocols.has(GRAPHQL_TRANSPORT_WS_PROTOCOL) ? GRAPHQL_TRANSPORT_WS_PROTOCOL : false,
  });
  const ids = new WeakMap<WebSocket, string>();
  const socketId = (socket: WebSocket) => {
    const id = ids.get(socket) ?? randomUUID();
    ids.set(socket, id);
    return id;
  };
  const contexts = new Set<Context>();
  const documents = new Documents(schema);
  const graphql = useServer(
    {
      schema,
      subscribe,
      context: ({ connectionParams, extra }) => {
        const callerId = socketCaller(connectionParams, socketId(extra.socket));
        return { ...services, callerId, requestId: randomUUID() } satisfies RequestContext;
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
    },
    sockets,
  );
  const operationsOf = ({ subscriptions }: Context) => Object.keys(subscriptions).length;
  return {
    close: async () => graphql.dispose(),
    sockets: () => sockets.clients.size,
    /** Under way, queries included. */
    operations: () => [...contexts].reduce((sum, context) => sum + operationsOf(context), 0),
  };
}

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildSchema, parse } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';

/** graphql-ws and graphql-js in a process of their own, and a subscription that has its event at once. */
const schema = buildSchema(`
  type Query { nothing: Int }
  type Event { sequence: Int! }
  type Subscription { generate: Event! }`);
const document = parse('subscription { generate { __typename sequence } }');

async function* events() {
  yield { generate: { sequence: 1 } };
}

const server = createServer();
const sockets = new WebSocketServer({ server, path: '/graphql' });
useServer(
  { schema, onSubscribe: () => ({ schema, document }), roots: { subscription: { generate: events } } },
  sockets,
);
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.once('disconnect', () => process.exit(0));

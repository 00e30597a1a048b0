import { createServer } from 'node:http';
import { subscribe as graphqlSubscribe } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer, type WebSocket } from 'ws';
import { openCaller } from '../../src/access/caller.ts';
import { EventLog } from '../../src/generation/event-log.ts';
import { createSchema } from '../../src/resolvers/schema.ts';
import { subscribe } from '../../src/server/subscribe.ts';

/**
 * One server of the fan-out bench, in a process of its own: argument 1 is the kind, 2 the generations, 3 the tokens
 * per second of each. Every message is `measure`: the processor time and the events since the last one.
 */
const [kind = 'mixgate', generations = '20', tokensPerSecond = '50'] = process.argv.slice(2);
const logs = Array.from({ length: Number(generations) }, (_, index) => new EventLog(String(index)));
const text = ' token';
let events = 0;

const http = createServer();
const sockets = new WebSocketServer({ server: http, path: '/graphql' });
if (kind === 'raw') serveRaw();
else await serveGraphql(kind === 'mixgate' ? subscribe : (graphqlSubscribe as typeof subscribe));

/** What a hand-written server would send: the same messages, and nothing between the token and the socket. */
function serveRaw(): void {
  const readers = new Map<string, WebSocket[]>();
  sockets.on('connection', (socket) => {
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as {
        type: string;
        payload?: { variables: { id: string } };
      };
      if (message.type === 'connection_init') socket.send('{"type":"connection_ack"}');
      else if (message.payload) {
        const { id } = message.payload.variables;
        readers.set(id, [...(readers.get(id) ?? []), socket]);
      }
    });
  });
  tick((log) => {
    const event = { __typename: 'TokenChunk', sequence: log.lastSequence + 1, text };
    log.append({ type: 'TokenChunk', text, tokens: 1 });
    for (const socket of readers.get(log.generationId) ?? []) {
      socket.send(JSON.stringify({ id: '1', type: 'next', payload: { data: { generationEvents: event } } }));
      events++;
    }
  });
}

async function serveGraphql(execute: typeof subscribe): Promise<void> {
  const context = {
    caller: openCaller('reader'),
    generations: { get: (id: string) => ({ log: logs[Number(id)]! }) },
  };
  useServer(
    { schema: await createSchema(), subscribe: execute, context: () => context, onNext: () => void events++ },
    sockets,
  );
  tick((log) => log.append({ type: 'TokenChunk', text, tokens: 1 }));
}

/** The generations take their turns within the period, as they would in life. */
function tick(append: (log: EventLog) => void): void {
  const periodMs = 1000 / Number(tokensPerSecond);
  logs.forEach((log, index) => {
    setTimeout(() => setInterval(() => append(log), periodMs), (index * periodMs) / logs.length);
  });
}

let cpu = process.cpuUsage();
process.on('message', () => {
  const { user, system } = process.cpuUsage(cpu);
  process.send?.({ cpuMicroseconds: user + system, events, rssBytes: process.memoryUsage().rss });
  cpu = process.cpuUsage();
  events = 0;
});
http.listen(0, '127.0.0.1', () => process.send?.({ port: (http.address() as { port: number }).port }));
process.once('disconnect', () => process.exit(0));

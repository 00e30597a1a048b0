import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createClient } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { afterAll, beforeAll, expect, it } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { openCaller } from '../../src/access/caller.ts';
import { EventLog } from '../../src/generation/event-log.ts';
import { createSchema } from '../../src/resolvers/schema.ts';
import { subscribe } from '../../src/server/subscribe.ts';

const CHUNKS = 200_000;
const QUERY = `subscription { generationEvents(id: "g") {
  __typename firstSequence sequence ... on TokenChunk { text tokens } } }`;

const log = new EventLog('g');
let http: Server;
let serverSide: WebSocket;
beforeAll(async () => {
  http = createServer();
  const sockets = new WebSocketServer({ server: http, path: '/graphql' });
  sockets.on('connection', (socket) => (serverSide = socket));
  const context = { caller: openCaller('reader'), generations: { get: () => ({ log }) } };
  useServer({ schema: await createSchema(), subscribe, context: () => context }, sockets);
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
});
afterAll(() => http.close());

interface Chunk {
  readonly __typename: string;
  readonly firstSequence: number;
  readonly sequence: number;
  readonly text?: string;
  readonly tokens?: number;
}

it('holds nothing for a reader that stops reading, and gives it every character once it reads again', async () => {
  const opened: WebSocket[] = [];
  class Pausable extends WebSocket {
    constructor(...args: ConstructorParameters<typeof WebSocket>) {
      super(...args);
      opened.push(this);
    }
  }
  const { port } = http.address() as AddressInfo;
  const client = createClient({
    url: `ws://127.0.0.1:${port}/graphql`,
    webSocketImpl: Pausable,
    retryAttempts: 0,
  });
  const seen: Chunk[] = [];
  let first: () => void = () => undefined;
  const started = new Promise<void>((resolve) => (first = resolve));
  const done = new Promise<void>((resolve, reject) => {
    client.subscribe<{ generationEvents: Chunk }>(
      { query: QUERY },
      {
        next: ({ data }) => {
          if (data) seen.push(data.generationEvents);
          first();
        },
        error: reject,
        complete: resolve,
      },
    );
  });
  log.append({ type: 'GenerationQueued', position: 0 });
  await started;
  opened[0]!.pause();

  let written = '';
  let mostBuffered = 0;
  for (let index = 0; index < CHUNKS; index++) {
    const text = `${index} ${'é'.repeat(40)}\n`;
    written += text;
    log.append({ type: 'TokenChunk', text, tokens: 1 });
    if (index % 100 !== 0) continue;
    await new Promise((resolve) => setImmediate(resolve));
    mostBuffered = Math.max(mostBuffered, serverSide.bufferedAmount);
  }
  const usage = { promptTokens: 0, cachedPromptTokens: 0, completionTokens: CHUNKS };
  log.append({ type: 'GenerationCancelled', usage });
  expect(written.length).toBeGreaterThan(8 * 2 ** 20);
  // One message at most, beyond what the kernel took: never the stream.
  expect(mostBuffered).toBeLessThan(2 ** 20);

  opened[0]!.resume();
  await done;
  const chunks = seen.filter(({ __typename }) => __typename === 'TokenChunk');
  expect(chunks.map(({ text }) => text).join('') === written).toBe(true);
  expect(chunks.reduce((sum, { tokens }) => sum + tokens!, 0)).toBe(CHUNKS);
  expect(chunks.length).toBeLessThan(CHUNKS / 10);
  seen.reduce((last, { firstSequence, sequence }) => {
    expect(firstSequence).toBe(last + 1);
    return sequence;
  }, 0);
  await client.dispose();
});

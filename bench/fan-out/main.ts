import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import Table from 'cli-table3';
import WebSocket from 'ws';

/**
 * `npm run bench:fan-out`: subscribers following generations, over real sockets, side by side: a raw WebSocket send,
 * mixgate's projection and graphql-js for every event. Processor time per event of the server's process; the kinds
 * take turns, so that a noisy machine is noisy for all of them.
 */
const SUBSCRIBERS = Number(process.env['SUBSCRIBERS'] ?? 1000);
const GENERATIONS = 20;
const TOKENS_PER_SECOND = 50;
const ROUNDS = Number(process.env['ROUNDS'] ?? 3);
const ROUND_MS = 5000;
const KINDS = ['raw', 'mixgate', 'graphql-js'] as const;
const QUERY =
  'subscription ($id: ID!) { generationEvents(id: $id) { __typename sequence ... on TokenChunk { text } } }';

interface Measure {
  readonly cpuMicroseconds: number;
  readonly events: number;
  readonly rssBytes: number;
}

async function ask(server: ChildProcess): Promise<Measure> {
  server.send('measure');
  const [measure] = (await once(server, 'message')) as [Measure];
  return measure;
}

function follow(url: string, generation: number, onEvent: () => void): Promise<WebSocket> {
  const socket = new WebSocket(url, 'graphql-transport-ws', { perMessageDeflate: false });
  const send = (message: object) => socket.send(JSON.stringify(message));
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('open', () => send({ type: 'connection_init' }));
    socket.once('message', () => {
      socket.on('message', onEvent);
      const payload = { query: QUERY, variables: { id: String(generation) } };
      send({ id: '1', type: 'subscribe', payload });
      resolve(socket);
    });
  });
}

/** Microseconds of the server's processor time per event, and events per second that arrived, of one round. */
async function round(kind: string): Promise<{ perEvent: number; perSecond: number; rssBytes: number }> {
  const file = path.resolve(import.meta.dirname, 'server.ts');
  const server = fork(file, [kind, String(GENERATIONS), String(TOKENS_PER_SECOND)], {
    execArgv: ['--import', 'tsx'],
  });
  const [{ port }] = (await once(server, 'message')) as [{ port: number }];
  let arrived = 0;
  const sockets: WebSocket[] = [];
  for (let index = 0; index < SUBSCRIBERS; index++)
    sockets.push(await follow(`ws://127.0.0.1:${port}/graphql`, index % GENERATIONS, () => arrived++));
  await setTimeout(1000);
  await ask(server);
  arrived = 0;
  const startedAt = performance.now();
  await setTimeout(ROUND_MS);
  const { cpuMicroseconds, events, rssBytes } = await ask(server);
  const perSecond = (arrived * 1000) / (performance.now() - startedAt);
  for (const socket of sockets) socket.terminate();
  server.disconnect();
  await once(server, 'exit');
  return { perEvent: cpuMicroseconds / events, perSecond, rssBytes };
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;

const results = new Map<string, Awaited<ReturnType<typeof round>>[]>(KINDS.map((kind) => [kind, []]));
for (let turn = 0; turn < ROUNDS; turn++)
  for (const kind of KINDS) {
    process.stderr.write(`round ${turn + 1} of ${ROUNDS}: ${kind}\n`);
    results.get(kind)!.push(await round(kind));
  }
const raw = median(results.get('raw')!.map(({ perEvent }) => perEvent));
const table = new Table({ head: ['server', 'events per second', 'µs per event', '× raw', 'RSS MiB'] });
for (const [kind, rounds] of results) {
  const perEvent = median(rounds.map((each) => each.perEvent));
  const perSecond = median(rounds.map((each) => each.perSecond));
  const rss = median(rounds.map((each) => each.rssBytes)) / 2 ** 20;
  table.push([kind, perSecond.toFixed(0), perEvent.toFixed(2), (perEvent / raw).toFixed(2), rss.toFixed(0)]);
}
process.stdout.write(
  `${SUBSCRIBERS} subscribers on ${GENERATIONS} generations of ${TOKENS_PER_SECOND} tokens/s, ` +
    `median of ${ROUNDS} rounds of ${ROUND_MS / 1000} s, Node ${process.version}\n${table.toString()}\n`,
);

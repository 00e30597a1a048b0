import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import Table from 'cli-table3';
import { createClient, type Client } from 'graphql-ws';
import WebSocket from 'ws';
import { DEMO, startGateway, type TestGateway } from '../../test/support/gateway.ts';

/**
 * `npm run bench:first-event`: how long until a caller has its first event, and its first token, when it is alone and
 * when AT_ONCE (200) ask in the same moment, each over a WebSocket of its own, or by server-sent events; beside a bare
 * graphql-ws server that has its one event at once. They take turns, round by round, so that a noisy machine is noisy
 * for all. The gateway is a process of its own with the demo model loaded.
 */
const AT_ONCE = Number(process.env['AT_ONCE'] ?? 200);
const ROUNDS = Number(process.env['ROUNDS'] ?? 5);
const QUERY = `subscription ($input: GenerateInput!) { generate(input: $input) {
  __typename sequence ... on TokenChunk { text } ... on GenerationFailed { error { message } } } }`;
const input = {
  model: DEMO,
  quantization: 'Q4_K_M',
  prompt: { text: '[INST] Alas, a wild unicorn is approaching! As a llama, what should I do? [/INST]' },
  sampling: { seed: 1 },
  contextSize: 512,
  maxTokens: 16,
};

/** Milliseconds since the request. */
interface Firsts {
  eventMs: number;
  /** NaN where there is none. */
  tokenMs: number;
}

interface Contestant {
  readonly name: string;
  readonly parallel: number;
  /** One request after the other, or all at once. */
  readonly ask: (index: number) => Promise<Firsts>;
}

interface Event {
  readonly __typename: string;
  readonly error?: { readonly message: string };
}

class FirstsWatch {
  readonly #startedAt = performance.now();
  readonly firsts: Firsts = { eventMs: NaN, tokenMs: NaN };

  see({ __typename, error }: Event): void {
    if (error !== undefined) throw new Error(error.message);
    const ms = performance.now() - this.#startedAt;
    if (Number.isNaN(this.firsts.eventMs)) this.firsts.eventMs = ms;
    if (__typename === 'TokenChunk' && Number.isNaN(this.firsts.tokenMs)) this.firsts.tokenMs = ms;
  }
}

function overWebSocket(client: Client): Promise<Firsts> {
  const watch = new FirstsWatch();
  return new Promise((resolve, reject) => {
    client.subscribe<{ generate: Event }>(
      { query: QUERY, variables: { input } },
      {
        next: ({ data }) => data && watch.see(data.generate),
        error: (error) => reject(new Error('refused', { cause: error })),
        complete: () => resolve(watch.firsts),
      },
    );
  });
}

async function overEvents(url: string): Promise<Firsts> {
  const watch = new FirstsWatch();
  const response = await fetch(`${url}/stream`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'accept': 'text/event-stream' },
    body: JSON.stringify({ query: QUERY, variables: { input } }),
  });
  let rest = '';
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    const messages = (rest + Buffer.from(chunk).toString()).split('\n\n');
    rest = messages.pop()!;
    for (const message of messages) {
      const [, json] = /^event: next\ndata: (.*)$/m.exec(message) ?? [];
      if (json !== undefined) watch.see((JSON.parse(json) as { data: { generate: Event } }).data.generate);
    }
  }
  return watch.firsts;
}

/** Open before anything is measured. */
async function connect(url: string): Promise<Client[]> {
  return Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      const client = createClient({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, lazy: false });
      await new Promise<void>((resolve) => client.on('connected', () => resolve()));
      return client;
    }),
  );
}

async function startBare() {
  const child = fork(path.join(import.meta.dirname, 'bare.ts'), { execArgv: ['--import', 'tsx'] });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return { url: `http://127.0.0.1:${port}/graphql`, stop: (): void => void child.disconnect() };
}

async function round(contestant: Contestant): Promise<Firsts[]> {
  const { parallel } = contestant;
  const all: Firsts[] = [];
  const indices = Array.from({ length: AT_ONCE }, (_, index) => index);
  while (indices.length > 0)
    all.push(...(await Promise.all(indices.splice(0, parallel).map((index) => contestant.ask(index)))));
  return all;
}

const quantile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
};

function print(results: ReadonlyMap<string, readonly Firsts[]>): void {
  const bare = quantile(
    results.get(`graphql-ws, bare, ${AT_ONCE} at once`)!.map(({ eventMs }) => eventMs),
    0.99,
  );
  const table = new Table({
    head: ['', 'first event p50', 'p95', 'p99', '× bare at p99', 'first token p50', 'p95', 'p99'],
    colAligns: ['left', ...Array.from({ length: 7 }, () => 'right' as const)],
  });
  const shown = (value: number) => (Number.isNaN(value) ? '–' : value.toFixed(1));
  for (const [name, all] of results) {
    const of = (pick: (firsts: Firsts) => number) =>
      [0.5, 0.95, 0.99].map((share) => quantile(all.map(pick), share));
    const events = of(({ eventMs }) => eventMs);
    const tokens = of(({ tokenMs }) => tokenMs);
    table.push([name, ...events.map(shown), (events[2]! / bare).toFixed(2), ...tokens.map(shown)]);
  }
  process.stdout.write(
    `Milliseconds, ${ROUNDS} rounds of ${AT_ONCE} generations, Node ${process.version}\n${table.toString()}\n`,
  );
}

async function compete(gateway: TestGateway, bareUrl: string): Promise<void> {
  const [own, bare] = [await connect(gateway.url), await connect(bareUrl)];
  const contestants: Contestant[] = [
    {
      name: `graphql-ws, bare, ${AT_ONCE} at once`,
      parallel: AT_ONCE,
      ask: (index) => overWebSocket(bare[index]!),
    },
    { name: 'mixgate, WebSocket, 1 at once', parallel: 1, ask: () => overWebSocket(own[0]!) },
    {
      name: `mixgate, WebSocket, ${AT_ONCE} at once`,
      parallel: AT_ONCE,
      ask: (index) => overWebSocket(own[index]!),
    },
    { name: 'mixgate, SSE, 1 at once', parallel: 1, ask: () => overEvents(gateway.url) },
    { name: `mixgate, SSE, ${AT_ONCE} at once`, parallel: AT_ONCE, ask: () => overEvents(gateway.url) },
  ];
  const results = new Map<string, Firsts[]>(contestants.map(({ name }) => [name, []]));
  for (let turn = -1; turn < ROUNDS; turn++)
    for (const contestant of contestants) {
      const firsts = await round(contestant);
      if (turn >= 0) results.get(contestant.name)!.push(...firsts);
    }
  for (const client of [...own, ...bare]) await client.dispose();
  print(results);
}

const gateway = await startGateway(['--gpu', 'off', '--threads', '1', '--log-level', 'error']);
const bare = await startBare();
try {
  await compete(gateway, bare.url);
} finally {
  bare.stop();
  await gateway.stop();
}

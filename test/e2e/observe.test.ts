import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  collect,
  DEMO,
  GENERATE,
  startGateway,
  type GraphqlError,
  type TestGateway,
} from '../support/gateway.ts';

/** Found nowhere but where a test puts them. */
const PROMPT = 'a marker such as zyxprompt';
const PASSWORD = 'zyxpassword';
const WORKER_KEY = 'zyxworkerkey-0123456789';
const HUB_TOKEN = 'hf_zyxtoken';

const START = 'mutation ($input: GenerateInput!) { startGeneration(input: $input) { id } }';
const INPUT = { model: DEMO, quantization: 'Q2_K', prompt: { text: PROMPT }, maxTokens: 4 };
/** Does not end by itself. */
const ENDLESS = {
  ...INPUT,
  maxTokens: null,
  jsonSchema: { type: 'array', minItems: 500, items: { type: 'integer' } },
};

interface LogLine {
  readonly event: string;
  readonly generation?: string;
  readonly request?: string;
  readonly [field: string]: unknown;
}

const logOf = (gateway: TestGateway): LogLine[] =>
  gateway
    .stderr()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as LogLine);

const health = async (gateway: TestGateway) => {
  const response = await fetch(new URL('/health/ready', gateway.url));
  const body = (await response.json()) as Record<'reasons' | 'degraded', { about: string; text: string }[]>;
  return { code: response.status, body };
};

const send = (gateway: TestGateway, body: object, headers: Record<string, string> = {}) =>
  fetch(gateway.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

describe('a gateway that logs all it can', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway(
      ['--gpu', 'off', '--log-level', 'debug', '--log-format', 'json', '--worker-key', WORKER_KEY].concat(
        // Nobody listens there.
        ['--history-url', `postgres://somebody:${PASSWORD}@127.0.0.1:1/history`],
      ),
      { HF_TOKEN: HUB_TOKEN },
    );
  });
  afterAll(() => gateway.stop());

  it('gives each request one id: in the header, the errors and the log of its generation', async () => {
    const answer = await send(
      gateway,
      { query: START, variables: { input: INPUT } },
      { 'x-request-id': 'proxy-17' },
    );
    expect(answer.headers.get('x-request-id')).toBe('proxy-17');
    const { data } = (await answer.json()) as { data: { startGeneration: { id: string } } };
    const { id } = data.startGeneration;
    await gateway.subscribe('subscription ($id: ID!) { generationEvents(id: $id) { sequence } }', { id });
    const of = (event: string) =>
      logOf(gateway).find((line) => line.event === event && line.generation === id);
    expect(of('generation.started')).toMatchObject({ request: 'proxy-17', model: DEMO });
    await expect
      .poll(() => of('generation.ended'))
      .toMatchObject({ request: 'proxy-17', state: 'COMPLETED' });
    expect(logOf(gateway)).toContainEqual(
      expect.objectContaining({ event: 'request.ended', request: 'proxy-17', path: '/graphql', status: 200 }),
    );

    const refused = await send(gateway, { query: 'mutation { cancelGeneration(id: "none") { id } }' });
    const { errors } = (await refused.json()) as { errors: GraphqlError[] };
    expect(refused.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(errors[0]!.extensions).toMatchObject({
      // What is not in memory may be in the history, which is away.
      code: 'HISTORY_UNAVAILABLE',
      requestId: refused.headers.get('x-request-id'),
    });
  });

  it('takes no id that is not safe in a log', async () => {
    for (const given of ['with spaces', '{"level":50}', 'x'.repeat(129)]) {
      const answer = await send(gateway, { query: '{ __typename }' }, { 'x-request-id': given });
      expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  it('gives each operation of a WebSocket an id of its own, and each event stream that of its request', async () => {
    const first = await gateway.subscribe<'generate'>(GENERATE, { input: INPUT });
    const client = gateway.client();
    const [second, third] = [
      await collect<'generate'>(client, GENERATE, { input: INPUT }),
      await collect<'generate'>(client, GENERATE, { input: INPUT }),
    ];
    await client.dispose();
    const ids = [first, second, third].map((events) => {
      const { generationId } = events[0]!.generate;
      return logOf(gateway).find(
        ({ event, generation }) => event === 'generation.started' && generation === generationId,
      )?.request;
    });
    expect(ids.every((id) => typeof id === 'string')).toBe(true);
    expect(new Set(ids).size).toBe(3);

    const stream = await fetch(`${gateway.url}/stream`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'accept': 'text/event-stream',
        'x-request-id': 'stream-1',
      },
      body: JSON.stringify({ query: GENERATE, variables: { input: INPUT } }),
    });
    expect(stream.headers.get('x-request-id')).toBe('stream-1');
    await stream.text();
    expect(logOf(gateway)).toContainEqual(
      expect.objectContaining({ event: 'generation.started', request: 'stream-1' }),
    );
  });

  it('says that it is degraded while its history is away', async () => {
    const { code, body } = await health(gateway);
    expect(code).toBe(200);
    expect(body).toMatchObject({ status: 'ready', reasons: [], degraded: [{ about: 'HISTORY' }] });
    expect(JSON.stringify(body)).not.toContain(PASSWORD);
  });

  it('has logged no prompt, no answer and no secret', async () => {
    await fetch(`${gateway.url}?query=${encodeURIComponent(`{ generation(id: "${PROMPT}") { id } }`)}`, {
      headers: { 'apollo-require-preflight': 'true' },
    });
    const events = await gateway.subscribe<'generate'>(GENERATE, { input: { ...INPUT, maxTokens: 24 } });
    const answer = events.map(({ generate }) => generate.text ?? '').join('');
    expect(answer.length).toBeGreaterThan(20);
    const log = logOf(gateway);
    expect(log.map(({ event }) => event)).toContain('request.ended');
    expect(log.map(({ event }) => event)).toContain('history.unavailable');
    expect(log.map(({ event }) => event)).not.toContain('generation.prompt');
    const text = log.map((line) => JSON.stringify(line)).join('\n');
    expect(text.match(/zyx\w*/g)).toBe(null);
    expect(text).not.toContain(JSON.stringify(answer).slice(1, -1));
  });
});

it('logs prompts and answers where that is asked for', async () => {
  const gateway = await startGateway([
    '--gpu',
    'off',
    '--log-format',
    'json',
    '--log-prompts',
    '--history',
    'no',
  ]);
  try {
    const events = await gateway.subscribe<'generate'>(GENERATE, { input: INPUT });
    const text = events.map(({ generate }) => generate.text ?? '').join('');
    const generation = events[0]!.generate.generationId;
    await expect
      .poll(() => logOf(gateway))
      .toContainEqual(expect.objectContaining({ event: 'generation.answer', generation, text }));
    expect(logOf(gateway)).toContainEqual(
      expect.objectContaining({ event: 'generation.prompt', generation, prompt: { text: PROMPT } }),
    );

    // While it drains, it finishes what runs and is not ready.
    expect((await health(gateway)).body).toEqual({ status: 'ready', reasons: [], degraded: [] });
    const client = gateway.client();
    let draining: ReturnType<typeof health> | undefined;
    await collect<'generate'>(client, GENERATE, { input: ENDLESS }, ({ generate }) => {
      if (generate.__typename !== 'TokenChunk' || draining !== undefined) return;
      gateway.process.kill('SIGTERM');
      draining = untilDraining(gateway).finally(
        () => void gateway.query(`mutation { cancelGeneration(id: "${generate.generationId}") { state } }`),
      );
    });
    await client.dispose();
    expect(await draining).toMatchObject({
      code: 503,
      body: { status: 'draining', reasons: [{ about: 'GATEWAY' }] },
    });
  } finally {
    await gateway.stop();
  }
});

/** The signal is on its way. */
async function untilDraining(gateway: TestGateway): ReturnType<typeof health> {
  const found = await health(gateway);
  return found.code === 503 ? found : untilDraining(gateway);
}

describe('a gateway whose runtimes do not start', () => {
  let folder: string;
  let gateway: TestGateway;
  beforeAll(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'mixgate-observe-'));
    const noRunner = path.join(folder, 'no-runner.cjs');
    writeFileSync(noRunner, "if (process.argv[1]?.includes('runner')) process.exit(3);");
    gateway = await startGateway(['--history', 'no'], { NODE_OPTIONS: `--require ${noRunner}` });
  });
  afterAll(async () => {
    await gateway?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('lives, is not ready, and says why', async () => {
    expect((await fetch(new URL('/health/live', gateway.url))).status).toBe(200);
    const { code, body } = await health(gateway);
    expect(code).toBe(503);
    expect(body).toMatchObject({
      status: 'unavailable',
      reasons: [{ about: 'BACKEND' }, { about: 'BACKEND' }],
    });
    expect(body.reasons[1]!.text).toMatch(/^llama-cpp: ./);
    const metrics = await (await fetch(new URL('/metrics', gateway.url))).text();
    expect(metrics).toContain('mixgate_backend_up{backend="llama-cpp"} 0');
  });
});

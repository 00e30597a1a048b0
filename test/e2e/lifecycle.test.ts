import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { LOOP_CRASHES } from '../../src/routing/crash-loops.ts';
import {
  collect,
  DEMO,
  EVENT_FIELDS,
  GENERATE,
  MAIN,
  startGateway,
  textOf,
  type TestEvent,
  type TestGateway,
} from '../support/gateway.ts';
import { untilOnlyResidents } from '../support/engines.ts';
import { commandLine } from '../support/processes.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const PROMPT = { messages: [{ role: 'USER', content: 'Tell me about a wild unicorn.' }] };
const ENDLESS = {
  model: DEMO,
  prompt: PROMPT,
  jsonSchema: { type: 'array', minItems: 500, items: { type: 'integer' } },
};
const SHORT = { model: DEMO, prompt: PROMPT, maxTokens: 8, sampling: { seed: 3 } };
const CRASHING = `subscription ($input: GenerateInput!) { generate(input: $input) { ${EVENT_FIELDS}
  ... on GenerationFailed { error { retryAfterMs } } } }`;
const FOLLOW = `subscription ($id: ID!, $after: Int) { generationEvents(id: $id, after: $after) { ${EVENT_FIELDS} } }`;

const gateways: TestGateway[] = [];
const folder = temporaryFolder();
afterEach(async () => {
  await Promise.all(gateways.splice(0).map((gateway) => gateway.stop('SIGKILL')));
});

async function start(...flags: string[]): Promise<TestGateway> {
  const gateway = await startGateway(['--gpu', 'off', '--log-format', 'json', ...flags]);
  gateways.push(gateway);
  return gateway;
}

const health = async ({ url }: TestGateway) => {
  const response = await fetch(new URL('/health/ready', url));
  const body = (await response.json()) as { status: string; degraded: { about: string; text: string }[] };
  return { code: response.status, connection: response.headers.get('connection'), ...body };
};

const logged = (gateway: TestGateway, event: string): Record<string, unknown>[] =>
  gateway
    .stderr()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => line['event'] === event);

const nothingPending = (gateway: TestGateway) =>
  expect
    .poll(async () => gateway.query<object>('{ history { pending } }'))
    .toEqual({ data: { history: { pending: 0 } } });

/** A client that stays connected; `closed` resolves with the code that its socket was closed with. */
async function connect({ url }: TestGateway) {
  const client = createClient({
    url: url.replace('http', 'ws'),
    webSocketImpl: WebSocket,
    lazy: false,
    retryAttempts: 0,
    onNonLazyError: () => undefined,
  });
  const closed = new Promise<number>((resolve) =>
    client.on('closed', (event) => resolve((event as { code: number }).code)),
  );
  await new Promise<void>((resolve) => client.on('connected', () => resolve()));
  return { client, closed };
}

/** An endless generation; `events` grows while it runs, `ended` resolves when its stream does. */
async function stream(gateway: TestGateway) {
  const { client, closed } = await connect(gateway);
  const events: TestEvent[] = [];
  const ended = collect<'generate'>(client, GENERATE, { input: ENDLESS }, ({ generate }) =>
    events.push(generate),
  );
  ended.catch(() => undefined); // Whoever waits for it is told.
  await expect.poll(() => events.at(-1)?.__typename, { timeout: 20_000 }).toBe('TokenChunk');
  return { events, ended, closed, id: events[0]!.generationId, stop: () => client.dispose() };
}

const begin = (gateway: TestGateway, input: object) =>
  gateway.query<{ startGeneration: { id: string } } | null>(
    'mutation ($input: GenerateInput!) { startGeneration(input: $input) { id } }',
    { input },
  );

const filesOf = (root: string) =>
  readdirSync(root, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => [name, statSync(path.join(root, name)).mtimeMs]);

/** `mixgate` with these arguments, to its end. */
async function command(...args: string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const pipe of [child.stdout, child.stderr])
    pipe.on('data', (text: Buffer) => (output += text.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

describe('a data folder', () => {
  it('is one gateway’s: a second is refused before it touches anything, commands beside it are not', async () => {
    const gateway = await start('--data-dir', folder());
    await gateway.subscribe<'generate'>(GENERATE, { input: SHORT });
    await nothingPending(gateway);
    const before = filesOf(folder());
    const second = await command('serve', '--port', '0', '--gpu', 'off', '--data-dir', folder());
    expect(second.code).toBe(1);
    expect(second.output).toContain('INVALID_INPUT');
    expect(second.output).toContain(`process ${gateway.process.pid} of `);
    expect(second.output).toContain(`listens at ${gateway.url}`);
    expect(filesOf(folder())).toEqual(before);
    const models = await command('models', '--gpu', 'off', '--data-dir', folder());
    expect(models).toMatchObject({ code: 0, output: expect.stringContaining(DEMO) as string });
  });

  it('that cannot be written is used without a lock, and the log says so', async () => {
    const file = path.join(folder(), 'a-file');
    writeFileSync(file, '');
    const gateway = await start('--data-dir', file);
    expect(logged(gateway, 'dataFolder.unlocked')).toHaveLength(1);
    // There is no configuration file either: SIGHUP finds nothing new, and ends nothing.
    gateway.process.kill('SIGHUP');
    await expect.poll(() => logged(gateway, 'config.reloaded')).toMatchObject([{ changed: [] }]);
    const events = await gateway.subscribe<'generate'>(GENERATE, { input: SHORT });
    expect(events.at(-1)!.generate.__typename).toBe('GenerationCompleted');
  });
});

describe('kill -9 under load', () => {
  it('frees port and folder at once, leaves no runner, and loses no answer that had ended', async () => {
    const gateway = await start('--data-dir', folder());
    const answer = await gateway.subscribe<'generate'>(GENERATE, { input: SHORT });
    const { generationId: id } = answer[0]!.generate;
    const loads = await Promise.all([stream(gateway), stream(gateway), stream(gateway)]);
    await nothingPending(gateway);
    const runners = await gateway.runners();
    expect(runners.length).toBeGreaterThan(0);
    await gateway.stop('SIGKILL');

    const again = await start('--data-dir', folder(), '--port', new URL(gateway.url).port);
    expect(again.url).toBe(gateway.url);
    const kept = await again.subscribe<'generationEvents'>(FOLLOW, { id, after: 0 });
    expect(textOf(kept.map(({ generationEvents }) => generationEvents))).toBe(
      textOf(answer.map(({ generate }) => generate)),
    );
    await expect.poll(() => runners.map(commandLine)).toEqual(runners.map(() => ''));
    const next = await again.subscribe<'generate'>(GENERATE, { input: SHORT });
    expect(next.at(-1)!.generate.__typename).toBe('GenerationCompleted');
    for (const { stop } of loads) await stop();
  });
});

describe('SIGTERM', () => {
  it('lets no new work in, cuts what runs at the limit, retryably, and sends everybody away with 1012', async () => {
    const gateway = await start('--data-dir', folder(), '--drain-ms', '1500');
    const idle = await connect(gateway);
    // Never answers a goodbye; ws alone would wait for it for half a minute.
    const silent = new WebSocket(gateway.url.replace('http', 'ws'), 'graphql-transport-ws');
    await once(silent, 'open');
    silent.pause();
    silent.on('error', () => undefined);
    const watching = await fetch(`${gateway.url}/stream`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'accept': 'text/event-stream' },
      body: JSON.stringify({ query: 'subscription { deviceStatus { id } }' }),
    });
    const running = await stream(gateway);
    // However fast the machine is, it is not done with so many in time.
    const many = Array.from({ length: 30 }, () => begin(gateway, { ...ENDLESS, onDisconnect: 'CONTINUE' }));
    const queued = (await Promise.all(many)).at(-1)!;
    const { client } = await connect(gateway);
    let isFollowed: () => void = () => undefined;
    const followed = new Promise<void>((resolve) => (isFollowed = resolve));
    const cutShort = collect<'generationEvents'>(
      client,
      FOLLOW,
      { id: queued.data!.startGeneration.id },
      () => isFollowed(),
    );
    await followed;
    const exited = gateway.stop();

    await expect
      .poll(() => health(gateway))
      .toMatchObject({ code: 503, status: 'draining', connection: 'close' });
    expect(await idle.closed).toBe(1012);
    const refused = await begin(gateway, SHORT);
    expect(refused.errors![0]!.extensions).toMatchObject({ code: 'BACKEND_UNAVAILABLE', retryable: true });

    const events = (await running.ended).map(({ generate }) => generate);
    const last = { __typename: 'GenerationFailed', error: { code: 'BACKEND_UNAVAILABLE', retryable: true } };
    expect((await cutShort).at(-1)!.generationEvents).toMatchObject(last);
    expect(await running.closed).toBe(1012);
    // An event stream that goes on by itself is not complete: who reads it comes again.
    const told = await watching.text();
    expect(told).toContain('deviceStatus');
    expect(told).toMatch(/retry: 1000\n\n$/);
    expect(told).not.toContain('event: complete');
    expect(await exited).toBe(0);
    silent.terminate();

    // Who lost its stream reads on after the restart.
    const again = await start('--data-dir', folder());
    const after = events[3]!.sequence;
    const rest = await again.subscribe<'generationEvents'>(FOLLOW, { id: running.id, after });
    expect(textOf(rest.map(({ generationEvents }) => generationEvents))).toBe(
      textOf(events.filter(({ sequence }) => sequence > after)),
    );
    expect(rest.at(-1)!.generationEvents.__typename).toBe(events.at(-1)!.__typename);
    const cut = await again.subscribe<'generationEvents'>(FOLLOW, { id: queued.data!.startGeneration.id });
    expect(cut.at(-1)!.generationEvents).toMatchObject(last);
  });
});

describe('a configuration that changes', () => {
  let file: string;
  beforeEach(() => {
    file = path.join(folder(), 'mixgate.yaml');
  });
  /** As editors do: a new file in its place. */
  const write = (text: string) => {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  };
  const metric = async ({ url }: TestGateway) =>
    /^mixgate_config_last_reload_successful (\d)$/m.exec(
      await (await fetch(new URL('/metrics', url))).text(),
    )?.[1];

  it('is in force without a stream lost; a mistake changes nothing; what must wait is named', async () => {
    write('maxQueued: 5\n');
    const gateway = await start('--data-dir', path.join(folder(), 'data'), '--config', file);
    const running = await stream(gateway);

    write('maxQueued: 0\nworkerKey: one-that-is-long-enough\nlogLevel: nonsense\n');
    await expect
      .poll(() => health(gateway), { timeout: 5000 })
      .toMatchObject({ code: 200, degraded: [{ about: 'CONFIG' }] });
    expect((await health(gateway)).degraded[0]!.text).toContain('logLevel');
    expect(await metric(gateway)).toBe('0');
    expect(logged(gateway, 'config.rejected')).toHaveLength(1);

    const models = path.join(folder(), 'models');
    mkdirSync(models);
    cpSync(path.resolve(import.meta.dirname, '../../models/demo'), path.join(models, 'demo'), {
      recursive: true,
    });
    write(
      `maxQueued: 7\nworkerKey: one-that-is-long-enough\nslots: 3\nlogLevel: debug\nmodelsDir: [${models}]\n`,
    );
    await expect
      .poll(() => logged(gateway, 'config.reloaded'), { timeout: 5000 })
      .toMatchObject([{ changed: ['modelsDir', 'slots', 'maxQueued', 'logLevel'] }]);
    await expect
      .poll(() => logged(gateway, 'config.needsRestart'))
      .toMatchObject([{ options: ['workerKey'] }]);
    expect((await health(gateway)).degraded).toEqual([]);
    expect(await metric(gateway)).toBe('1');
    const variants = () =>
      gateway.query<{ model: { variants: { isRemovable: boolean }[] } }>(
        `{ model(id: "${DEMO}") { variants { isRemovable } } }`,
      );
    await expect.poll(async () => (await variants()).data.model.variants[0]!.isRemovable).toBe(true);
    await expect.poll(() => logged(gateway, 'request.ended').length).toBeGreaterThan(0);

    // New loads have the new slots; the stream that ran all the while comes to its own end.
    const input = { ...SHORT, quantization: 'Q2_K' };
    const loaded = await gateway.subscribe<'generate'>(GENERATE, { input });
    expect(loaded.map(({ generate }) => generate.plan?.slots).find(Boolean)).toBe(3);
    const ended = await running.ended;
    expect(ended.at(-1)!.generate.__typename).toBe('GenerationCompleted');
    await running.stop();
  }, 60_000);
});

describe('a runner', () => {
  it('that outgrows its plan is ended, retryably; one that dies again and again is held off, alone', async () => {
    const file = path.join(folder(), 'mixgate.yaml');
    writeFileSync(file, 'runnerMemoryTolerance: 1MiB\n');
    const gateway = await start('--data-dir', path.join(folder(), 'data'), '--config', file);
    const ask = async (input: object, onToken: () => unknown = () => undefined) => {
      const { client } = await connect(gateway);
      const events = await collect<'generate'>(client, CRASHING, { input }, ({ generate }) => {
        if (generate.__typename === 'TokenChunk') onToken();
      });
      await client.dispose();
      return events.map(({ generate }) => generate);
    };
    // So many that the machine is not done with them before the first look.
    const asked = Array.from({ length: 6 }, () => ask({ ...ENDLESS, quantization: 'Q2_K' }));
    const errors = (await Promise.all(asked)).map((events) => events.at(-1)!.error);
    expect(errors.find((error) => error?.code === 'OUT_OF_MEMORY')).toMatchObject({
      retryable: true,
      retryAfterMs: null,
    });
    const [{ bytes, limitBytes }] = logged(gateway, 'runner.outgrown') as [Record<string, number>];
    expect(bytes).toBeGreaterThan(limitBytes!);

    writeFileSync(file, 'runnerMemoryTolerance: 4GiB\n');
    gateway.process.kill('SIGHUP');
    await expect.poll(() => logged(gateway, 'config.reloaded')).not.toEqual([]);
    const kill = async () => {
      // Not the one that looks for devices, or there would be none to plan for.
      await untilOnlyResidents(gateway);
      for (const pid of await gateway.runners()) process.kill(pid, 'SIGKILL');
    };
    const crashing = { ...ENDLESS, quantization: 'Q4_K_M' };
    let crashes = 0;
    let held: Awaited<ReturnType<typeof ask>> = [];
    // On a slow machine the first wait may be over before the next request has its plan.
    while (held.length === 0) {
      let killed: Promise<void> | undefined;
      const events = await ask(crashing, () => (killed ??= kill()));
      await killed;
      expect(events.at(-1)).toMatchObject({ error: { code: 'BACKEND_CRASHED' } });
      if (killed === undefined) held = events;
      else crashes++;
    }
    expect(crashes).toBeGreaterThanOrEqual(LOOP_CRASHES);
    expect(held.map(({ __typename: type }) => type)).toEqual(['PlanChosen', 'GenerationFailed']);
    const { error } = held.at(-1)!;
    expect(error).toMatchObject({ code: 'BACKEND_CRASHED', retryable: true });
    expect(error!.message).toContain(`crashed ${crashes} times in a row`);
    const { degraded } = await health(gateway);
    expect(degraded).toContainEqual({
      about: 'BACKEND',
      text: expect.stringContaining(`Q4_K_M crashed ${crashes} times in a row`) as string,
    });
    const devices = '{ devices { crashLoops { variant { quantization } crashes retryAt } } }';
    const loops = await gateway.query<{ devices: { crashLoops: object[] }[] }>(devices);
    expect(loops.data.devices.flatMap(({ crashLoops }) => crashLoops)).toContainEqual(
      expect.objectContaining({ variant: { quantization: 'Q4_K_M' }, crashes }),
    );
    const metrics = await (await fetch(new URL('/metrics', gateway.url))).text();
    const gauge = `mixgate_crash_loop_crashes{variant="${DEMO}:Q4_K_M",device="llama-cpp:cpu"} ${crashes}\n`;
    expect(metrics).toContain(gauge);

    // Another one is not affected; this one works again after the wait, and then nothing is wrong with it any more.
    const completed = { __typename: 'GenerationCompleted' };
    expect((await ask({ ...SHORT, quantization: 'Q8_0' })).at(-1)).toMatchObject(completed);
    await delay(error!.retryAfterMs!);
    expect((await ask({ ...SHORT, quantization: 'Q4_K_M' })).at(-1)).toMatchObject(completed);
    expect(JSON.stringify((await health(gateway)).degraded)).not.toContain('Q4_K_M');
    const score = (pid: number | 'self') => Number(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8'));
    for (const pid of await gateway.runners()) expect(score(pid)).toBe(Math.min(1000, score('self') + 500));
  }, 60_000);
});

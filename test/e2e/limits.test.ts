import { createClient, type Client } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { COMPARE } from '../support/comparing.ts';
import { collect, DEMO, GENERATE, startGateway, UNICORN } from '../support/gateway.ts';
import type { GraphqlError, TestGateway } from '../support/gateway.ts';

const REQUESTS = 12;
const TOKENS = 40;
const PROMPT_BYTES = 2000;
const QUEUED = 3;

const prompt = { messages: [{ role: 'USER', content: UNICORN }] };
const INPUT = { model: DEMO, quantization: 'Q2_K', prompt, maxTokens: 3, onDisconnect: 'CONTINUE' };
/** Goes on until the context is full. */
const ENDLESS = { jsonSchema: { type: 'array', minItems: 500, items: { type: 'integer' } }, maxTokens: null };
const LANES = [0, 1].map(() => ({ model: DEMO, quantization: 'Q2_K' }));
const START = 'mutation ($input: GenerateInput!) { startGeneration(input: $input) { id } }';
const CANCEL = 'mutation ($id: ID!) { cancelGeneration(id: $id) { state } }';
const START_COMPARISON = 'mutation ($input: CompareInput!) { startComparison(input: $input) { id } }';
const USED =
  '{ limits { maxPromptBytes maxRunning maxQueued requestsPerMinute tokensPerMinute used { running queued requests tokens } } }';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway([
    ...['--requests-per-minute', String(REQUESTS), '--tokens-per-minute', String(TOKENS)],
    ...['--max-prompt-bytes', String(PROMPT_BYTES), '--max-queued-per-caller', String(QUEUED)],
    ...['--max-running-per-caller', '1', '--slots', '4'],
  ]);
});
afterAll(() => gateway.stop());

interface Answer {
  readonly data?: Record<string, never> | null;
  readonly errors?: GraphqlError[];
}

/** Over HTTP, as a caller of that name. */
function ask(caller: string, query: string, variables: object = {}, place = ''): Promise<Response> {
  const accept = place === '' ? 'application/json' : 'text/event-stream';
  const headers = { 'content-type': 'application/json', accept, 'x-mixgate-caller': caller };
  return fetch(`${gateway.url}${place}`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ query, variables }),
  });
}
const answer = async (caller: string, query: string, variables: object = {}) =>
  (await (await ask(caller, query, variables)).json()) as Answer;
const start = (caller: string, input: object = {}) =>
  answer(caller, START, { input: { ...INPUT, ...input } });
const idOf = ({ data }: Answer): string =>
  (data as unknown as { startGeneration: { id: string } }).startGeneration.id;
const clientNamed = (callerId: string): Client =>
  createClient({
    url: gateway.url.replace('http', 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: { callerId },
    retryAttempts: 0,
  });
const rateLimited = (limit: string, perMinute: number) => ({
  code: 'RATE_LIMITED',
  retryable: true,
  limit,
  [limit]: perMinute,
  retryAfterMs: expect.any(Number) as number,
});
async function use(count: number, one: () => Promise<unknown>): Promise<void> {
  for (let done = 0; done < count; done++) await one();
}

describe('requests per minute', () => {
  const refusal = [{ extensions: rateLimited('requestsPerMinute', REQUESTS) }];

  it('are counted over HTTP, wrong documents included, and answered 429 with when to try again', async () => {
    expect((await answer('http', '{ nothing }')).errors).toMatchObject([
      { extensions: { code: 'INVALID_INPUT' } },
    ]);
    await use(REQUESTS - 1, async () => expect((await answer('http', '{ version }')).errors).toBeUndefined());
    const refused = await ask('http', '{ version }');
    expect(refused.status).toBe(429);
    const { errors } = (await refused.json()) as Answer;
    expect(errors).toMatchObject(refusal);
    const retryAfterMs = Number(errors![0]!.extensions['retryAfterMs']);
    expect(retryAfterMs).toBeGreaterThan(0);
    expect(refused.headers.get('retry-after')).toBe(String(Math.ceil(retryAfterMs / 1000)));
    expect((await ask('another', '{ version }')).status).toBe(200);
  });

  it('are counted together for one caller over WebSocket and server-sent events, queries and subscriptions', async () => {
    const client = clientNamed('both');
    const run = (query: string) => collect<'version'>(client, query);
    const stream = async (query: string) => (await ask('both', query, {}, '/stream')).text();
    await use(REQUESTS / 2, () => run('{ version }'));
    await use(REQUESTS / 2, async () => expect(await stream('{ version }')).not.toContain('RATE_LIMITED'));
    for (const query of ['{ version }', 'subscription { deviceStatus { id } }']) {
      await expect(run(query)).rejects.toMatchObject({ errors: refusal });
      const events = await stream(query);
      expect(events).toContain('"code":"RATE_LIMITED"');
      expect(events).toContain('event: complete');
    }
    await client.dispose();
  });

  it('leave out what browsers say that lend themselves, but not what is said beside it', async () => {
    const report = 'workerReports(key: "wrong", worker: "w", first: 1, reports: [], seen: 0)';
    const codes: unknown[] = [];
    await use(REQUESTS + 3, async () =>
      codes.push((await answer('worker', `mutation { ${report} }`)).errors?.[0]?.extensions.code),
    );
    expect(codes).not.toContain('RATE_LIMITED');
    const beside = `mutation { ${report} cancelGeneration(id: "none") { id } }`;
    await use(REQUESTS, () => answer('worker', beside));
    expect((await answer('worker', beside)).errors).toMatchObject(refusal);
    expect((await answer('worker', `mutation { ${report} }`)).errors).not.toMatchObject(refusal);
  });
});

describe('tokens per minute', () => {
  it('are of prompts and answers: what runs is not cut, and nothing more is started', async () => {
    const client = clientNamed('writer');
    const events = await collect<'generate'>(client, GENERATE, {
      input: { ...INPUT, maxTokens: TOKENS + 20 },
    });
    const { finishReason, usage } = events.at(-1)!.generate;
    expect(finishReason).not.toBeUndefined();
    const spent = usage!.promptTokens + usage!.completionTokens;
    expect(spent).toBeGreaterThan(TOKENS);
    const { data } = await answer('writer', USED);
    expect(data).toMatchObject({ limits: { tokensPerMinute: TOKENS, used: { tokens: spent, running: 0 } } });
    const refusal = [{ extensions: rateLimited('tokensPerMinute', TOKENS) }];
    const refused = await ask('writer', START, { input: INPUT });
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(((await refused.json()) as Answer).errors).toMatchObject(refusal);
    const lanes = { prompt, lanes: LANES, maxTokens: 3 };
    expect((await answer('writer', START_COMPARISON, { input: lanes })).errors).toMatchObject(refusal);
    await expect(collect(client, GENERATE, { input: INPUT })).rejects.toMatchObject({ errors: refusal });
    await expect(collect(client, COMPARE, { input: lanes })).rejects.toMatchObject({ errors: refusal });
    const evaluate =
      'subscription ($input: EvaluateQualityInput!) { evaluateQuality(input: $input) { progress } }';
    const text = { model: DEMO, quantizations: ['Q2_K'], text: 'A llama.' };
    await expect(collect(client, evaluate, { input: text })).rejects.toMatchObject({ errors: refusal });
    expect((await start('reader')).errors).toBeUndefined();
    await client.dispose();
  });
});

describe('a prompt', () => {
  it('may be so large, all its messages together', async () => {
    const messages = (bytes: number) => ({
      prompt: { messages: [prompt.messages[0], { role: 'USER', content: 'é'.repeat(bytes / 2) }] },
    });
    const bytes = PROMPT_BYTES - UNICORN.length - 1;
    const { errors } = await start('long', messages(bytes + 3));
    expect(errors).toMatchObject([
      {
        message: expect.stringMatching(/^prompt: takes 200\d bytes/) as string,
        extensions: { code: 'INVALID_INPUT', limit: 'maxPromptBytes', maxPromptBytes: PROMPT_BYTES },
      },
    ]);
    const refused = await answer('long', START_COMPARISON, {
      input: { prompt: { text: 'x'.repeat(PROMPT_BYTES + 1) }, lanes: LANES },
    });
    expect(refused.errors).toMatchObject([
      { extensions: { code: 'INVALID_INPUT', promptBytes: PROMPT_BYTES + 1 } },
    ]);
    expect((await start('long', { prompt: { text: 'x'.repeat(PROMPT_BYTES) } })).errors).toBeUndefined();
  });
});

describe('generations of one caller', () => {
  it('wait beyond those that may run, are refused beyond those that may wait, and hold up nobody else', async () => {
    const ids: string[] = [];
    ids.push(idOf(await start('many', ENDLESS)));
    const used = async () => (await answer('many', USED)).data as unknown as { limits: { used: object } };
    await expect
      .poll(async () => (await used()).limits.used, { timeout: 20_000, interval: 400 })
      .toMatchObject({ running: 1, queued: 0 });
    await use(QUEUED - 1, async () => ids.push(idOf(await start('many', ENDLESS))));
    const lanes = { prompt, lanes: LANES, maxTokens: 3, onDisconnect: 'CONTINUE' };
    expect((await answer('many', START_COMPARISON, { input: lanes })).errors).toMatchObject([
      { extensions: { code: 'QUEUE_FULL', limit: 'maxQueuedPerCaller', queued: QUEUED - 1 } },
    ]);
    ids.push(idOf(await start('many', ENDLESS)));
    expect((await start('many')).errors).toMatchObject([
      { extensions: { code: 'QUEUE_FULL', limit: 'maxQueuedPerCaller', maxQueuedPerCaller: QUEUED } },
    ]);
    const one = clientNamed('one');
    const [last] = (await collect<'generate'>(one, GENERATE, { input: INPUT })).slice(-1);
    expect(last!.generate.__typename).toBe('GenerationCompleted');
    await one.dispose();
    for (const id of ids.toReversed()) await answer('owner of none', CANCEL, { id });
  });

  it('are lanes, too: of a comparison that could run together they run in turn', async () => {
    const client = clientNamed('comparing');
    const lanes = { prompt, lanes: LANES, maxTokens: 3 };
    const events = await collect<'compare'>(client, COMPARE, { input: lanes });
    const { lanes: ended } = (
      events.at(-1) as unknown as { compare: { comparison: { lanes: { generation: { state: string } }[] } } }
    ).compare.comparison;
    expect(ended.map(({ generation }) => generation.state)).toEqual(['COMPLETED', 'COMPLETED']);
    await client.dispose();
  });
});

describe('what is refused', () => {
  it('is counted by limit', async () => {
    const text = await (await fetch(new URL('/metrics', gateway.url))).text();
    const count = (limit: string) =>
      Number(new RegExp(`mixgate_refused_total\\{limit="${limit}"\\} (\\d+)`).exec(text)?.[1]);
    for (const limit of ['requestsPerMinute', 'tokensPerMinute', 'maxPromptBytes', 'maxQueuedPerCaller'])
      expect([limit, count(limit) > 0]).toEqual([limit, true]);
    expect(count('maxPromptBytes')).toBe(2);
    expect(count('maxQueuedPerCaller')).toBe(2);
    expect(count('maxQueued')).toBe(0);
  });
});

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { serverAudits } from 'graphql-http';
import { createClient } from 'graphql-sse';
import { EventSource, type MessageEvent } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import {
  DEMO,
  GENERATE,
  post,
  startGateway,
  textOf,
  UNICORN,
  type GraphqlError,
  type TestEvent,
  type TestGateway,
} from '../support/gateway.ts';

const exec = promisify(execFile);
let gateway: TestGateway;
beforeAll(async () => {
  // An answer of the demo model may be over within the default grace.
  gateway = await startGateway(['--disconnect-grace-ms', '100']);
});
afterAll(() => gateway.stop());

const input = (more: object = {}) => ({
  model: DEMO,
  prompt: { messages: [{ role: 'USER', content: UNICORN }] },
  sampling: { temperature: 0 },
  ...more,
});

describe('GraphQL over HTTP', () => {
  // A plain GET is what CSRF prevention is for; with the header that a browser cannot send alone, it passes too.
  const fetchFn = (url: string, init: RequestInit = {}) =>
    fetch(url, { ...init, headers: { ...init.headers, 'apollo-require-preflight': 'true' } });

  it('passes every audit of the specification', async () => {
    const audits = serverAudits({ url: gateway.url, fetchFn });
    const results = await Promise.all(audits.map(async ({ fn }) => fn()));
    expect(results.length).toBeGreaterThan(50);
    const misses = results
      .filter(({ status }) => status !== 'ok')
      .map(({ name, status }) => `${status}: ${name}`);
    expect(misses).toEqual([]);
  });

  it('passes all of MUST and SHOULD without that header', async () => {
    const audits = serverAudits({ url: gateway.url }).filter(({ name }) => !name.startsWith('MAY'));
    const results = await Promise.all(audits.map(async ({ fn }) => fn()));
    expect(results.filter(({ status }) => status !== 'ok').map(({ name }) => name)).toEqual([]);
  });

  it('says where subscriptions go', async () => {
    const { errors } = await post(gateway.url, { query: GENERATE, variables: { input: input() } });
    expect(errors![0]!.message).toContain('/graphql/stream');
  });

  it('shows a browser the explorer, which fetches nothing from elsewhere', async () => {
    const page = await fetch(gateway.url, { headers: { accept: 'text/html' } });
    expect(new URL(page.url).pathname).toBe('/api');
    const tags = (await page.text()).match(/<(?:script|link|img|iframe)\b[^>]*>/g) ?? [];
    expect(tags.length).toBeGreaterThan(0);
    expect(tags.filter((tag) => /(?:src|href)=["']?(?:https?:)?\/\//.test(tag))).toEqual([]);
  });

  it('tells its health', async () => {
    const base = gateway.url.replace('/graphql', '');
    expect((await fetch(`${base}/health/live`)).status).toBe(200);
    expect((await fetch(`${base}/health/ready`)).status).toBe(200);
    expect((await fetch(`${base}/nothing`)).status).toBe(404);
  });
});

describe('graphql-transport-ws', () => {
  const socket = (protocol = 'graphql-transport-ws') =>
    new WebSocket(gateway.url.replace('http', 'ws'), protocol);
  const closeCode = (ws: WebSocket) => new Promise<number>((resolve) => ws.once('close', resolve));

  /** Sends each message when the one before was answered. */
  async function talk(messages: unknown[]): Promise<number> {
    const ws = socket();
    const closed = closeCode(ws);
    ws.once('open', () =>
      messages.forEach((message) => ws.send(typeof message === 'string' ? message : JSON.stringify(message))),
    );
    return closed;
  }

  it.each([
    ['4400', 'a message that is not JSON', ['nonsense']],
    [
      '4401',
      'subscribe before connection_init',
      [{ type: 'subscribe', id: '1', payload: { query: '{ version }' } }],
    ],
    ['4429', 'two connection_init', [{ type: 'connection_init' }, { type: 'connection_init' }]],
  ])('closes with %s for %s', async (code, _what, messages) => {
    expect(await talk(messages)).toBe(Number(code));
  });

  it('closes with 4409 for two operations of one id', async () => {
    const ws = socket();
    const closed = closeCode(ws);
    const subscribe = {
      type: 'subscribe',
      id: '1',
      payload: { query: GENERATE, variables: { input: input() } },
    };
    ws.once('open', () => ws.send(JSON.stringify({ type: 'connection_init' })));
    ws.once('message', () => [subscribe, subscribe].forEach((message) => ws.send(JSON.stringify(message))));
    expect(await closed).toBe(4409);
  });

  it('refuses another subprotocol', async () => {
    const ws = socket('graphql-ws');
    const error = await new Promise<Error>((resolve) => ws.once('error', resolve));
    expect(error.message).toContain('subprotocol');
  });

  it('answers ping, queries and mutations as well', async () => {
    const client = gateway.client();
    const versions = [];
    for await (const result of client.iterate({ query: '{ version }' })) versions.push(result.data);
    expect(versions).toEqual([{ version: '0.1.0' }]);
    await client.dispose();
  });
});

describe('graphql-sse', () => {
  it('streams to the graphql-sse client, the same events as over WebSocket', async () => {
    const client = createClient({ url: `${gateway.url}/stream`, retryAttempts: 0 });
    const events: TestEvent[] = [];
    for await (const { data } of client.iterate<{ generate: TestEvent }>({
      query: GENERATE,
      variables: { input: input() },
    }))
      if (data) events.push(data.generate);
    client.dispose();
    const overWebSocket = await gateway.subscribe<'generate'>(GENERATE, { input: input() });
    const text = (all: TestEvent[]) => all.map((event) => event.text ?? '').join('');
    expect(text(events)).toBe(text(overWebSocket.map((event) => event.generate)));
    expect(events.at(-1)!.__typename).toBe('GenerationCompleted');
  });

  it('streams to curl -N', async () => {
    const body = JSON.stringify({ query: GENERATE, variables: { input: input({ maxTokens: 3 }) } });
    const headers = ['-H', 'content-type: application/json', '-H', 'accept: text/event-stream'];
    const { stdout } = await exec('curl', ['-sN', `${gateway.url}/stream`, ...headers, '-d', body]);
    // A plan, chunks (one, where curl reads late), and the end.
    expect(stdout.match(/^event: next$/gm)!.length).toBeGreaterThanOrEqual(3);
    expect(stdout).toContain('"finishReason":"MAX_TOKENS"');
    expect(stdout.trimEnd().endsWith('event: complete\ndata:')).toBe(true);
  });

  it('streams to EventSource, which asks with GET', async () => {
    const url = new URL(`${gateway.url}/stream`);
    url.searchParams.set('query', GENERATE);
    url.searchParams.set('variables', JSON.stringify({ input: input({ maxTokens: 3 }) }));
    const source = new EventSource(url);
    const events: TestEvent[] = [];
    source.addEventListener('next', (event) => {
      const { data } = JSON.parse((event as MessageEvent<string>).data) as { data: { generate: TestEvent } };
      events.push(data.generate);
    });
    await new Promise((resolve) => source.addEventListener('complete', resolve));
    source.close();
    expect(textOf(events)).not.toBe('');
    expect(events.at(-1)).toMatchObject({ finishReason: 'MAX_TOKENS' });
  });

  it('asks proxies not to hold events back', async () => {
    const response = await fetch(`${gateway.url}/stream`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'accept': 'text/event-stream' },
      body: JSON.stringify({ query: GENERATE, variables: { input: input({ maxTokens: 1 }) } }),
    });
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    expect(await response.text()).toContain('GenerationCompleted');
  });

  it.each([
    ['that does not parse', 'subscription { generate(', 'INVALID_INPUT'],
    ['that is not valid', 'subscription { nothing }', 'INVALID_INPUT'],
    ['of more tokens than are read', `{ ${'__typename '.repeat(5001)}}`, 'DOCUMENT_TOO_LARGE'],
  ])('refuses a document %s, as the other transports do', async (_what, query, code) => {
    const answer = await fetch(`${gateway.url}/stream`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'accept': 'text/event-stream' },
      body: JSON.stringify({ query }),
    });
    const [, json = '{}'] = /^event: next\ndata: (.*)$/m.exec(await answer.text()) ?? [];
    const { errors } = JSON.parse(json) as { errors: GraphqlError[] };
    expect(errors.length).toBeGreaterThan(0);
    const { errors: others } = await post(gateway.url, { query });
    for (const { extensions } of errors) expect(extensions).toMatchObject({ code });
    expect(errors.map(({ message }) => message)).toEqual(others!.map(({ message }) => message));
  });

  it('ends the generation when the reader closes the connection', async () => {
    const abort = new AbortController();
    const response = await fetch(`${gateway.url}/stream`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'accept': 'text/event-stream' },
      body: JSON.stringify({
        query: GENERATE,
        variables: {
          input: input({ jsonSchema: { type: 'array', minItems: 500, items: { type: 'integer' } } }),
        },
      }),
      signal: abort.signal,
    });
    let read = '';
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      read += Buffer.from(chunk).toString();
      if (read.includes('TokenChunk')) break;
    }
    abort.abort();
    const id = /"generationId":"([^"]+)"/.exec(read)![1];
    await expect
      .poll(() => gateway.query<{ generation: { state: string } }>(`{ generation(id: "${id}") { state } }`), {
        timeout: 10_000,
      })
      .toMatchObject({ data: { generation: { state: 'CANCELLED' } } });
  });
});

describe('errors are the same on every transport', () => {
  const bad = [
    ['MODEL_NOT_FOUND', { model: 'nobody' }],
    ['VARIANT_NOT_AVAILABLE', { quantization: 'Q3_K_XXL' }],
    ['INVALID_INPUT', { prompt: { text: '' } }],
    ['INVALID_INPUT', { prompt: { messages: [] } }],
    ['INVALID_INPUT', { prompt: { text: 'a', messages: [] } }],
    ['INVALID_INPUT', { prompt: {} }],
    ['INVALID_INPUT', { sampling: { temperature: -1 } }],
    ['INVALID_INPUT', { sampling: { topP: 1.5 } }],
    ['INVALID_INPUT', { contextSize: 0 }],
    ['INVALID_INPUT', { maxTokens: -1 }],
    ['INVALID_INPUT', { device: 'gpu-of-a-friend' }],
    ['INVALID_INPUT', { backend: 'abacus' }],
    ['CONTEXT_OVERFLOW', { contextSize: 4096 }],
  ] as const;

  it.each(bad)('%s for %j', async (code, more) => {
    const variables = { input: { model: DEMO, prompt: { text: 'a' }, ...more } };
    const start = 'mutation ($input: GenerateInput!) { startGeneration(input: $input) { id } }';
    const overHttp = await post(gateway.url, { query: start, variables });
    expect(overHttp.errors!.map(({ extensions }) => extensions.code)).toEqual([code]);
    expect(overHttp.errors![0]!.message.length).toBeGreaterThan(10);

    const overWebSocket = await gateway.subscribe(GENERATE, variables).catch((error: unknown) => error);
    expect(overWebSocket).toMatchObject({ errors: [{ extensions: { code } }] });

    const overSse = await fetch(`${gateway.url}/stream`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'accept': 'text/event-stream' },
      body: JSON.stringify({ query: GENERATE, variables }),
    });
    expect(await overSse.text()).toContain(`"code":"${code}"`);
  });

  it('reports every problem of an input at once', async () => {
    const { errors } = await post(gateway.url, {
      query: 'mutation ($input: GenerateInput!) { startGeneration(input: $input) { id } }',
      variables: {
        input: { model: DEMO, prompt: { text: 'a' }, maxTokens: -1, sampling: { topP: 2, minP: -1 } },
      },
    });
    expect(errors![0]!.extensions['problems']).toHaveLength(3);
  });

  it('a prompt longer than the context fails with CONTEXT_OVERFLOW', async () => {
    const prompt = { text: 'unicorn '.repeat(2000) };
    const events = await gateway.subscribe<'generate'>(GENERATE, { input: { model: DEMO, prompt } });
    expect(events.at(-1)!.generate).toMatchObject({
      __typename: 'GenerationFailed',
      error: { code: 'CONTEXT_OVERFLOW' },
    });
  });
});

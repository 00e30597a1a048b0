import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createClient } from 'graphql-ws';
import type { Browser } from 'playwright-core';
import { Agent, fetch } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { startBrowser, WORKER_KEY, workerPage } from '../support/browser.ts';
import {
  collect,
  DEMO,
  GENERATE,
  startGateway,
  textOf,
  UNICORN,
  type TestGateway,
} from '../support/gateway.ts';
import { lacking } from '../support/programs.ts';
import { startProxy, type ProxyName, type ReverseProxy } from '../support/reverse-proxy.ts';

const lack = lacking('nginx', 'caddy', 'openssl', 'chromium');
/** The site's name in deploy/nginx.conf; in its Caddyfile a test has the address in place of it. */
const HOST = 'mixgate.example';
let gateway: TestGateway;
let browser: Browser;
beforeAll(async () => {
  const flags = ['--worker-key', WORKER_KEY, '--disconnect-grace-ms', '100', '--hostnames', HOST];
  gateway = await startGateway(flags);
  browser = await startBrowser();
});
afterAll(async () => {
  await browser.close();
  await gateway.stop();
});

const input = (more: object = {}) => ({
  input: {
    model: DEMO,
    prompt: { messages: [{ role: 'USER', content: UNICORN }] },
    sampling: { temperature: 0 },
    ...more,
  },
});
const ENDLESS = { jsonSchema: { type: 'array', minItems: 500, items: { type: 'integer' } } };

/** Requests to a proxy whose certificate is its own. */
function through({ origin, ca }: ReverseProxy) {
  const dispatcher = new Agent({ connect: { ca } });
  class Trusting extends WebSocket {
    constructor(address: string, protocols: string[]) {
      super(address, protocols, { ca });
    }
  }
  return {
    webSocket: () =>
      createClient({
        url: `${origin.replace('https', 'wss')}/graphql`,
        webSocketImpl: Trusting,
        retryAttempts: 0,
      }),
    /** How an upgrade ends that a page of this origin asks for: as a WebSocket or with a status. */
    upgradeFrom: async (page: string, host = new URL(origin).host): Promise<number> => {
      const headers = { origin: page, host };
      const socket = new WebSocket(`${origin.replace('https', 'wss')}/graphql`, 'graphql-transport-ws', {
        ca,
        headers,
      });
      const [response] = await Promise.race([
        once(socket, 'upgrade') as Promise<[IncomingMessage]>,
        once(socket, 'unexpected-response').then(([, refusal]) => [refusal as IncomingMessage]),
      ]);
      socket.on('error', () => undefined).terminate();
      return response.statusCode!;
    },
    post: (
      path: string,
      body: object,
      init: { signal?: AbortSignal; headers?: Record<string, string> } = {},
    ) =>
      fetch(`${origin}${path}`, {
        method: 'POST',
        dispatcher,
        body: JSON.stringify(body),
        ...init,
        headers: { 'content-type': 'application/json', ...init.headers },
      }),
  };
}

const stateOf = async (id: string): Promise<string> => {
  const query = 'query ($id: ID!) { generation(id: $id) { state } }';
  return (await gateway.query<{ generation: { state: string } }>(query, { id })).data.generation.state;
};

/** Of each device that is there. */
async function backends(): Promise<string[]> {
  const query = '{ devices { backend { id } } }';
  const { data } = await gateway.query<{ devices: { backend: { id: string } }[] }>(query);
  return data.devices.map(({ backend }) => backend.id);
}

describe.skipIf(lack !== '').each<ProxyName>(['nginx', 'caddy'])(
  `behind %s, as deploy/ has it${lack}`,
  (name) => {
    let proxy: ReverseProxy;
    let client: ReturnType<typeof through>;
    beforeAll(async () => {
      proxy = await startProxy(name, Number(new URL(gateway.url).port));
      client = through(proxy);
    });
    afterAll(() => proxy.stop());

    it('a WebSocket streams an answer', async () => {
      const socket = client.webSocket();
      const events = (await collect<'generate'>(socket, GENERATE, input())).map(({ generate }) => generate);
      await socket.dispose();
      const query = 'query ($id: ID!) { generation(id: $id) { text } }';
      const id = events[0]!.generationId;
      const { data } = await gateway.query<{ generation: { text: string } }>(query, { id });
      expect(data.generation.text).not.toBe('');
      expect(textOf(events)).toBe(data.generation.text);
    });

    it('server-sent events come while the answer is written, and a reader who leaves ends it', async () => {
      const leave = new AbortController();
      const response = await client.post(
        '/graphql/stream',
        { query: GENERATE, variables: input(ENDLESS) },
        { signal: leave.signal, headers: { accept: 'text/event-stream' } },
      );
      let read = '';
      for await (const chunk of response.body!) {
        read += Buffer.from(chunk as Uint8Array).toString();
        if (read.includes('TokenChunk')) break;
      }
      const id = /"generationId":"([^"]+)"/.exec(read)![1]!;
      expect(await stateOf(id)).toBe('DECODING');
      leave.abort();
      await expect.poll(() => stateOf(id), { timeout: 10_000 }).toBe('CANCELLED');
    });

    it('a request may be as large as mixgate itself takes', async () => {
      const variables = { padding: 'x'.repeat(4 * 2 ** 20 - 100) };
      const response = await client.post('/graphql', { query: '{ version }', variables });
      expect(await response.json()).toMatchObject({ data: { version: expect.any(String) as string } });
    });

    it('its own pages may use the API, others may not', async () => {
      expect(await client.upgradeFrom(proxy.origin)).toBe(101);
      expect(await client.upgradeFrom('https://evil.example')).toBe(403);
      const headers = { origin: 'https://evil.example' };
      expect((await client.post('/graphql', { query: '{ version }' }, { headers })).status).toBe(403);
    });

    // Caddy has no other site than that of the address.
    if (name === 'nginx')
      it('is asked by the names that the gateway is told, and no other', async () => {
        expect(await client.upgradeFrom(`https://${HOST}`, HOST)).toBe(101);
        expect(await client.upgradeFrom('https://evil.example', 'evil.example')).toBe(421);
      });

    it('a browser lends itself over HTTPS, and gets its weights', async () => {
      const page = await browser.newPage({ ignoreHTTPSErrors: true });
      await page.goto(workerPage(proxy.origin));
      expect(await page.evaluate('isSecureContext')).toBe(true);
      await expect.poll(backends, { timeout: 20_000 }).toContain('webgpu');
      const lent = input({ backend: 'webgpu', quantization: 'Q8_0', maxTokens: 8 });
      const events = (await gateway.subscribe<'generate'>(GENERATE, lent)).map(({ generate }) => generate);
      expect(events.at(-1)).toMatchObject({ finishReason: 'MAX_TOKENS' });
      await page.close();
      await expect.poll(backends, { timeout: 20_000 }).not.toContain('webgpu');
    });
  },
);

describe.skipIf(lack !== '').each<ProxyName>(['nginx', 'caddy'])(`what %s hands on${lack}`, (name) => {
  const seen: IncomingHttpHeaders[] = [];
  /** Answers with an event, and then says nothing more. */
  const upstream = createServer((request, response) => {
    seen.push(request.headers);
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: first\n\n');
  });
  let proxy: ReverseProxy;
  let client: ReturnType<typeof through>;
  beforeAll(async () => {
    await once(upstream.listen(0, '127.0.0.1'), 'listening');
    proxy = await startProxy(name, (upstream.address() as AddressInfo).port);
    client = through(proxy);
  });
  afterAll(async () => {
    upstream.closeAllConnections();
    upstream.close();
    await proxy.stop();
  });

  /** The first bytes of an answer that does not end. */
  async function first(headers: Record<string, string> = {}): Promise<string> {
    const response = await client.post('/graphql/stream', {}, { headers });
    for await (const chunk of response.body!) return Buffer.from(chunk as Uint8Array).toString();
    return '';
  }

  it('is each event at once', async () => {
    expect(await first()).toBe('data: first\n\n');
  });

  it('is the address of who asks, or the caller that the client names', async () => {
    seen.length = 0;
    await first();
    await first({ 'x-mixgate-caller': 'a colleague' });
    expect(seen.map((headers) => headers['x-mixgate-caller'])).toEqual(['127.0.0.1', 'a colleague']);
    expect(seen.map((headers) => headers['x-forwarded-proto'])).toEqual(['https', 'https']);
  });
});

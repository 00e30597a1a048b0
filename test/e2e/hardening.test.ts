import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { getIntrospectionQuery } from 'graphql';
import { createClient as createStreamClient } from 'graphql-sse';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import {
  DEMO,
  GENERATE,
  post,
  startGateway,
  type GraphqlError,
  type TestGateway,
} from '../support/gateway.ts';

const APP = 'https://app.example';
const ENDLESS = 'subscription { deviceStatus { name } }';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway([
    ...['--allowed-origins', APP, '--hostnames', 'gpu-box.lan'],
    ...['--max-sockets-per-address', '6', '--max-subscriptions-per-socket', '3'],
  ]);
});
afterAll(() => gateway.stop());

interface Answer {
  readonly data?: unknown;
  readonly errors?: GraphqlError[];
}

/** What each transport answers to one document. */
const TRANSPORTS: Record<string, (query: string, variables?: object) => Promise<Answer>> = {
  'HTTP': (query, variables) => gateway.query(query, variables),
  'WebSocket': async (query, variables) => {
    const socket = gateway.client();
    try {
      for await (const answer of socket.iterate({ query, variables: { ...variables } }))
        return answer as unknown as Answer;
      return {};
    } catch (errors) {
      return { errors: errors as GraphqlError[] };
    } finally {
      await socket.dispose();
    }
  },
  'server-sent events': async (query, variables) => {
    const client = createStreamClient({ url: `${gateway.url}/stream`, retryAttempts: 0 });
    try {
      for await (const answer of client.iterate({ query, variables: { ...variables } }))
        return answer as unknown as Answer;
      return {};
    } finally {
      client.dispose();
    }
  },
};

const repeat = (count: number, each: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => each(index)).join(' ');

/** What attackers send, by the limit that stops it. */
const BOMBS: Record<string, { readonly query: string; readonly code: string; readonly limit: string }> = {
  'a document of a megabyte': {
    query: `{ version } # ${'x'.repeat(2 ** 20)}`,
    ...{ code: 'DOCUMENT_TOO_LARGE', limit: 'maxDocumentBytes' },
  },
  'six thousand fields': {
    query: `{ ${'version '.repeat(6000)} }`,
    ...{ code: 'DOCUMENT_TOO_LARGE', limit: 'maxDocumentTokens' },
  },
  'fields too deep': {
    query: `{ models ${repeat(40, () => '{ variants { model')} { id } ${repeat(40, () => '} }')} }`,
    ...{ code: 'DOCUMENT_TOO_COMPLEX', limit: 'maxDepth' },
  },
  'values so deep that the parser gives up': {
    query: `{ plan(input: ${'['.repeat(2400)}1${']'.repeat(2400)}) { chosen { backend } } }`,
    ...{ code: 'DOCUMENT_TOO_COMPLEX', limit: 'maxDepth' },
  },
  'a thousand aliases': {
    query: `{ ${repeat(1000, (index) => `a${index}: version`)} }`,
    ...{ code: 'DOCUMENT_TOO_COMPLEX', limit: 'maxAliases' },
  },
  'aliases in a fragment that is spread again and again': {
    query: `{ ${repeat(5, (index) => `a${index}: __typename ...F`)} }
      fragment F on Query { ${repeat(20, (index) => `b${index}: version`)} }`,
    ...{ code: 'DOCUMENT_TOO_COMPLEX', limit: 'maxAliases' },
  },
  'hundreds of directives': {
    query: `{ version ${repeat(500, () => '@include(if: true)')} }`,
    ...{ code: 'DOCUMENT_TOO_COMPLEX', limit: 'maxDirectives' },
  },
  'fragments that double a hundred times': {
    query: `{ ...F0 } ${repeat(100, (index) => `fragment F${index} on Query { ...F${index + 1} ...F${index + 1} }`)}
      fragment F100 on Query { version }`,
    ...{ code: 'DOCUMENT_TOO_COMPLEX', limit: 'maxCost' },
  },
  'pages of pages': {
    query: `{ ${repeat(20, (index) => `a${index}: generations(first: 200) { edges { node { id text prompt { messages { content } } plan { reasons } } } }`)} }`,
    ...{ code: 'DOCUMENT_TOO_COMPLEX', limit: 'maxCost' },
  },
  'the schema, twenty times': {
    query: `{ ${repeat(20, (index) => `a${index}: __schema { types { name } }`)} }`,
    ...{ code: 'DOCUMENT_TOO_COMPLEX', limit: 'maxCost' },
  },
};

describe.each(Object.keys(TRANSPORTS))('over %s', (transport) => {
  const ask = TRANSPORTS[transport]!;

  it.each(Object.keys(BOMBS))('%s: refused, with its code and the limit', async (name) => {
    const { query, code, limit } = BOMBS[name]!;
    const { data, errors } = await ask(query);
    expect(data ?? null).toBeNull();
    expect(errors).toHaveLength(1);
    expect(errors![0]!.extensions).toMatchObject({ code, limit, maximum: expect.any(Number) as number });
    expect(errors![0]!.message).toContain(limit);
  });

  it('fragments in a circle are refused as graphql-js refuses them', async () => {
    const { errors } = await ask('{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }');
    expect(errors!.map(({ message }) => message)).toEqual([
      expect.stringContaining('within itself') as string,
    ]);
    expect(errors![0]!.extensions.code).toBe('INVALID_INPUT');
  });

  it('the cost counts what variables ask for', async () => {
    const query = `query ($first: Int!) { ${repeat(50, (index) => `a${index}: generations(first: $first) { edges { node { id state text createdAt finishedAt } } }`)} }`;
    expect((await ask(query, { first: 200 })).errors![0]!.extensions).toMatchObject({ limit: 'maxCost' });
    expect(await ask(query, { first: 1 })).toMatchObject({ data: { a0: { edges: [] } } });
  });

  it('the whole introspection passes', async () => {
    const query = getIntrospectionQuery({
      ...{ specifiedByUrl: true, directiveIsRepeatable: true, inputValueDeprecation: true, oneOf: true },
      schemaDescription: true,
    });
    expect(await ask(query)).toMatchObject({ data: { __schema: { queryType: { name: 'Query' } } } });
  });
});

describe('a batch', () => {
  it('is refused with a code, whatever is in it', async () => {
    const { errors } = await post<null>(gateway.url, [{ query: '{ version }' }, { query: '{ version }' }]);
    expect(errors![0]!.extensions.code).toBe('INVALID_INPUT');
  });
});

describe("Apollo Client's persisted queries", () => {
  it('fall back to the text where no documents are trusted', async () => {
    const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
    const link = new PersistedQueryLink({ sha256 }).concat(new HttpLink({ uri: gateway.url }));
    const client = new ApolloClient({ cache: new InMemoryCache(), link });
    const { data } = await client.query({ query: gql('{ version }') });
    expect(data).toEqual({ version: expect.any(String) as string });
    const persistedQuery = { version: 1, sha256Hash: sha256('{ version }') };
    const { errors } = await post<null>(gateway.url, { extensions: { persistedQuery } });
    expect(errors).toMatchObject([
      { message: 'PersistedQueryNotSupported', extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' } },
    ]);
  });
});

describe('JSON that would change prototypes', () => {
  const poisoned = '{"query":"{ version }","variables":{"__proto__":{"isAdmin":true}}}';

  it('is refused over HTTP, in bodies and in addresses', async () => {
    const headers = { 'content-type': 'application/json' };
    const body = await fetch(gateway.url, { method: 'POST', headers, body: poisoned });
    expect(body.status).toBe(400);
    expect(await body.json()).toMatchObject({ errors: [{ extensions: { code: 'INVALID_INPUT' } }] });
    const address = new URL(gateway.url);
    address.searchParams.set('query', '{ version }');
    address.searchParams.set('variables', '{"__proto__":{"isAdmin":true}}');
    expect((await fetch(address, { headers: { 'apollo-require-preflight': 'true' } })).status).toBe(400);
    const stream = new URL(`${gateway.url}/stream${address.search}`);
    expect((await fetch(stream, { headers: { accept: 'text/event-stream' } })).status).toBe(400);
  });

  it.each([poisoned, poisoned.replace('__proto__', '\\u005f_proto__')])(
    'closes a WebSocket: %s',
    async (payload) => {
      const socket = await opened();
      socket.send('{"type":"connection_init"}');
      await once(socket, 'message');
      socket.send(`{"type":"subscribe","id":"1","payload":${payload}}`);
      expect((await once(socket, 'close'))[0]).toBe(4400);
    },
  );

  it('is not what merely names them', async () => {
    const prompt = { text: 'What does "__proto__": {} do to a constructor in JavaScript?' };
    const input = { model: DEMO, prompt, maxTokens: 1 };
    const events = await gateway.subscribe<'generate'>(GENERATE, { input });
    expect(events.at(-1)!.generate.__typename).toBe('GenerationCompleted');
  });
});

const openSocket = (headers: Record<string, string> = {}) =>
  new WebSocket(gateway.url.replace('http', 'ws'), 'graphql-transport-ws', { headers });

async function opened(headers: Record<string, string> = {}): Promise<WebSocket> {
  const socket = openSocket(headers);
  await once(socket, 'open');
  return socket;
}

/** The status with which an upgrade was refused, and the code that its body has. */
async function refused(headers: Record<string, string>): Promise<[number, string]> {
  const socket = openSocket(headers);
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  let body = '';
  for await (const chunk of response) body += String(chunk);
  const { errors } = JSON.parse(body) as { errors: GraphqlError[] };
  return [response.statusCode!, errors[0]!.extensions.code];
}

/** Node's fetch does not let `host` be set. */
async function raw(lines: readonly string[]): Promise<string> {
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname);
  socket.end(`${lines.join('\r\n')}\r\n\r\n`);
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}

describe('pages of other origins', () => {
  it('get no WebSocket; our own, allowed ones and what is no browser do', async () => {
    expect(await refused({ origin: 'https://evil.example' })).toEqual([403, 'FORBIDDEN']);
    expect(await refused({ origin: 'null' })).toEqual([403, 'FORBIDDEN']);
    expect(await refused({ origin: `${APP}.evil.example` })).toEqual([403, 'FORBIDDEN']);
    for (const headers of [{}, { origin: new URL(gateway.url).origin }, { origin: APP }] as Record<
      string,
      string
    >[])
      (await opened(headers)).terminate();
  });

  it('can neither ask nor start a stream', async () => {
    const evil = { 'origin': 'https://evil.example', 'content-type': 'application/json' };
    const body = JSON.stringify({ query: '{ version }' });
    for (const path of ['', '/stream']) {
      const answer = await fetch(`${gateway.url}${path}`, { method: 'POST', headers: evil, body });
      expect(answer.status).toBe(403);
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  // What browsers send for <img src>, fetch without CORS, and a link; over plain HTTP they do not tell the site.
  it.each([
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64)' },
    { 'user-agent': 'Mozilla/5.0', 'authorization': 'Basic c29tZW9uZTpzZWNyZXQ=' },
  ])('cannot start a generation by an address alone: %j', async (headers) => {
    const stream = new URL(`${gateway.url}/stream`);
    stream.searchParams.set('query', GENERATE);
    stream.searchParams.set('variables', JSON.stringify({ input: { model: DEMO, prompt: { text: 'a' } } }));
    const generations = '{ generations { edges { node { id } } } }';
    const before = await gateway.query(generations);
    const answer = await fetch(stream, { headers: { accept: 'text/event-stream', ...(headers as object) } });
    expect(answer.status).toBe(403);
    expect(await gateway.query(generations)).toEqual(before);
  });

  it('are let in by CORS where they are allowed, without credentials', async () => {
    const preflight = await fetch(gateway.url, {
      method: 'OPTIONS',
      headers: {
        'origin': APP,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type,authorization',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe(APP);
    expect(preflight.headers.get('access-control-allow-headers')).toContain('authorization');
    const headers = { 'origin': APP, 'content-type': 'application/json' };
    const body = JSON.stringify({ query: '{ version }' });
    for (const [path, accept] of [
      ['', 'application/json'],
      ['/stream', 'text/event-stream'],
    ] as const) {
      const answer = await fetch(`${gateway.url}${path}`, {
        method: 'POST',
        headers: { ...headers, accept },
        body,
      });
      expect(answer.status).toBe(200);
      expect(answer.headers.get('access-control-allow-origin')).toBe(APP);
      expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
      expect(await answer.text()).toContain('"version"');
    }
  });
});

describe('the name that a gateway on loopback is asked by', () => {
  it('is its own, so that no page can point a name of its own at it', async () => {
    const evil = ['Host: evil.example:4000'];
    expect(await raw(['GET /health/live HTTP/1.1', ...evil, 'Connection: close'])).toMatch(
      /^HTTP\/1\.1 421 [^]*hostnames/,
    );
    expect(await refused({ host: 'evil.example' })).toEqual([421, 'FORBIDDEN']);
  });

  it.each([
    '127.0.0.1:4000',
    '[::1]:4000',
    '192.168.1.7',
    'localhost',
    'mixgate.localhost:4000',
    'GPU-box.lan.',
  ])('may be %s', async (host) => {
    expect(await raw(['GET /health/live HTTP/1.1', `Host: ${host}`, 'Connection: close'])).toMatch(
      /^HTTP\/1\.1 200 /,
    );
  });
});

describe('headers', () => {
  it.each(['/', '/worker/', '/graphql', '/health/live', '/metrics', '/nothing'])('of %s', async (path) => {
    const { headers } = await fetch(new URL(path, gateway.url));
    expect(Object.fromEntries(headers)).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
      'cross-origin-resource-policy': 'same-origin',
      'permissions-policy': expect.stringContaining('microphone=()') as string,
      'content-security-policy': expect.stringMatching(/default-src 'none'|default-src 'self'/) as string,
    });
    expect(headers.get('content-security-policy')).toContain('frame-ancestors');
    for (const banner of ['server', 'x-powered-by', 'strict-transport-security'])
      expect(headers.get(banner)).toBeNull();
  });
});

describe('connections', () => {
  /** A socket on which operations can be started. */
  async function acknowledged(): Promise<WebSocket> {
    const socket = await opened();
    socket.send('{"type":"connection_init"}');
    await once(socket, 'message');
    return socket;
  }

  it('one socket has so many operations at once, and its others go on', async () => {
    const socket = await acknowledged();
    const messages: { type: string; id: string; payload?: unknown }[] = [];
    socket.on('message', (data: Buffer) =>
      messages.push(JSON.parse(data.toString()) as (typeof messages)[number]),
    );
    for (const id of ['1', '2', '3', '4'])
      socket.send(JSON.stringify({ type: 'subscribe', id, payload: { query: ENDLESS } }));
    await expect
      .poll(() =>
        messages
          .filter(({ type }) => type === 'next')
          .map(({ id }) => id)
          .toSorted(),
      )
      .toEqual(['1', '2', '3']);
    expect(messages.find(({ type }) => type === 'error')).toMatchObject({
      id: '4',
      payload: [
        { extensions: { code: 'TOO_MANY_CONNECTIONS', limit: 'maxSubscriptionsPerSocket', maximum: 3 } },
      ],
    });
    socket.send('{"type":"complete","id":"1"}');
    socket.send(JSON.stringify({ type: 'subscribe', id: '5', payload: { query: '{ version }' } }));
    await expect.poll(() => messages.some(({ type, id }) => type === 'next' && id === '5')).toBe(true);
    socket.terminate();
  });

  it('one address has so many sockets and streams, and each that ends makes room', async () => {
    const stream = () =>
      fetch(`${gateway.url}/stream`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'accept': 'text/event-stream' },
        body: JSON.stringify({ query: ENDLESS }),
      });
    // Those of the tests before leave when their ends have been heard of.
    const sockets: WebSocket[] = [];
    await expect
      .poll(async () => {
        const socket = openSocket();
        socket.on('error', () => undefined);
        const isOpen = await Promise.race([
          once(socket, 'open').then(() => true),
          once(socket, 'unexpected-response').then(() => false),
        ]);
        if (isOpen) sockets.push(socket);
        return sockets.length;
      })
      .toBe(5);
    const events = await stream();
    expect(events.status).toBe(200);
    expect(await refused({})).toEqual([503, 'TOO_MANY_CONNECTIONS']);
    const refusal = await stream();
    expect(refusal.status).toBe(503);
    expect(await refusal.json()).toMatchObject({
      errors: [{ extensions: { limit: 'maxSocketsPerAddress', maximum: 6 } }],
    });
    expect(await gateway.query('{ version }')).toMatchObject({ data: {} });
    await events.body!.cancel();
    await expect
      .poll(async () => {
        const again = await stream();
        await again.body!.cancel();
        return again.status;
      })
      .toBe(200);
    for (const socket of sockets) socket.terminate();
  });

  it('who sends and never reads is given up', async () => {
    await expect
      .poll(() =>
        acknowledged().then(
          (socket) => (socket.terminate(), true),
          () => false,
        ),
      )
      .toBe(true);
    const socket = await acknowledged();
    socket.pause();
    const closed = once(socket, 'close');
    const ping = JSON.stringify({ type: 'ping', payload: { x: 'x'.repeat(2 ** 20) } });
    for (let sent = 0; sent < 60 && socket.readyState === socket.OPEN; sent++)
      await new Promise<void>((resolve) => socket.send(ping, () => resolve()));
    socket.resume();
    expect((await closed)[0]).toBe(1006);
  });

  it('and all of it is counted', async () => {
    const metrics = await (await fetch(new URL('/metrics', gateway.url))).text();
    for (const limit of [
      ...['maxDocumentBytes', 'maxDocumentTokens', 'maxDepth', 'maxAliases', 'maxDirectives', 'maxCost'],
      ...['maxSubscriptionsPerSocket', 'maxSocketsPerAddress', 'allowedOrigins', 'hostnames'],
    ])
      expect(metrics).toMatch(new RegExp(`mixgate_refused_total\\{limit="${limit}"\\} [1-9]`));
  });
});

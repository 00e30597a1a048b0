import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import {
  buildSchema,
  getNamedType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  type GraphQLField,
  type GraphQLInputType,
} from 'graphql';
import { createClient as createStreamClient } from 'graphql-sse';
import { createClient as createSocketClient } from 'graphql-ws';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import type { Role } from '../../src/access/caller.ts';
import { addKey, keyFileOf, revokeKey } from '../../src/access/key-file.ts';
import { DEMO, startGateway, type GraphqlError, type TestGateway } from '../support/gateway.ts';
import { lastingFolder } from '../support/temporary-folder.ts';

/**
 * What an attacker tries at a gateway with keys (SECURITY.md). Proven elsewhere, and not here again:
 * deep, wide and dear documents, batches, other origins, names for loopback, poisoned JSON on an open gateway, floods of
 * what is never read, sockets by address (hardening.test.ts); what a revoked key has opened, wrong credentials, damaged
 * keys (access.test.ts); ownership of evaluations and of what the history has, and PostgreSQL (ownership.test.ts); forged
 * frames and workers (worker.test.ts); rates, queues, prompt size (limits.test.ts); hostile hubs, links and redirects
 * (pull.test.ts, test/pull); damaged files (test/fuzz, hostile-content.test.ts); readers that stop (test/server).
 */

const SOCKETS = 1000;
const folder = lastingFolder();
const file = () => keyFileOf(folder());
const keys = {} as Record<Role | 'STRANGER' | 'LATE', string>;
let gateway: TestGateway;
let url = '';

beforeAll(async () => {
  for (const role of ['USER', 'ADMIN', 'VIEWER', 'WORKER'] as const) keys[role] = await keyOf(role, role);
  keys.STRANGER = await keyOf('STRANGER', 'USER');
  keys.LATE = await keyOf('LATE', 'USER');
  gateway = await startGateway(
    [
      ...['--data-dir', folder(), '--max-sockets-per-address', String(SOCKETS)],
      ...['--log-level', 'debug', '--log-format', 'pretty'],
    ],
    { NO_COLOR: '1' },
  );
  url = gateway.url;
});
afterAll(() => gateway.stop());

const keyOf = async (name: string, role: Role): Promise<string> =>
  (await addKey(file(), { name, role, expiresAt: null }, Date.now())).text;

interface Answer {
  readonly data?: unknown;
  readonly errors?: readonly GraphqlError[] | undefined;
}
type Ask = (
  key: string | null,
  query: string,
  variables?: object,
  headers?: Record<string, string>,
) => Promise<Answer>;

const bearer = (key: string | null): Record<string, string> =>
  key === null ? {} : { authorization: `Bearer ${key}` };

/** The first answer, over each transport. */
const TRANSPORTS: Readonly<Record<'HTTP' | 'WebSocket' | 'server-sent events', Ask>> = {
  'HTTP': async (key, query, variables = {}, headers = {}) => {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...bearer(key), ...headers },
      body: JSON.stringify({ query, variables }),
    });
    return (await answer.json()) as Answer;
  },
  'WebSocket': async (key, query, variables = {}, headers = {}) => {
    const client = createSocketClient({
      ...{ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, retryAttempts: 0 },
      connectionParams: { authorization: key, callerId: headers['x-mixgate-caller'] },
    });
    try {
      for await (const answer of client.iterate({ query, variables: variables as Record<string, unknown> }))
        return answer as unknown as Answer;
      return {};
    } catch (errors) {
      if (Array.isArray(errors)) return { errors: errors as GraphqlError[] };
      throw errors;
    } finally {
      await client.dispose();
    }
  },
  'server-sent events': async (key, query, variables = {}, headers = {}) => {
    const client = createStreamClient({
      url: `${url}/stream`,
      retryAttempts: 0,
      headers: { ...bearer(key), ...headers },
    });
    try {
      for await (const answer of client.iterate({ query, variables: variables as Record<string, unknown> }))
        return answer as unknown as Answer;
      return {};
    } finally {
      client.dispose();
    }
  },
};
const ask = TRANSPORTS.HTTP;
const codeOf = ({ errors }: Answer): string => errors?.[0]?.extensions.code ?? 'ok';

/** Exactly these bytes; what comes back until the gateway hangs up, or `end` has been read. */
async function raw(bytes: string, end?: RegExp): Promise<string> {
  const socket = plain();
  socket.write(bytes, 'latin1');
  let answer = '';
  for await (const chunk of socket) {
    answer += String(chunk);
    if (end?.test(answer)) break;
  }
  socket.destroy();
  return answer;
}
function plain(): Socket {
  const { hostname, port } = new URL(url);
  return connect(Number(port), hostname).on('error', () => undefined);
}
const get = (target: string, ...headers: string[]): string =>
  [`GET ${target} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...headers, '', ''].join('\r\n');
const head = (...headers: string[]): string =>
  [`POST /graphql HTTP/1.1`, 'Host: localhost', 'Content-Type: application/json', ...headers, '', ''].join(
    '\r\n',
  );

const PROMPT = { messages: [{ role: 'USER', content: 'A secret of the owner alone' }] };
const ENDLESS = { jsonSchema: { type: 'array', minItems: 500, items: { type: 'integer' } } };

describe('what another caller started', () => {
  const lanes = [0, 1].map(() => ({ model: DEMO, quantization: 'Q2_K' }));
  const mine = { generation: '', comparison: '' };
  const idOf = async (query: string, input: object): Promise<string> => {
    const { data } = await ask(keys.USER, query, { input });
    return Object.values(data as Record<string, { id: string }>)[0]!.id;
  };
  beforeAll(async () => {
    const kept = { prompt: PROMPT, onDisconnect: 'CONTINUE', ...ENDLESS };
    mine.generation = await idOf(
      'mutation ($input: GenerateInput!) { startGeneration(input: $input) { id } }',
      {
        ...{ ...kept, model: DEMO, quantization: 'Q2_K' },
      },
    );
    const comparison = { prompt: PROMPT, onDisconnect: 'CONTINUE', lanes, maxTokens: 4 };
    mine.comparison = await idOf(
      'mutation ($input: CompareInput!) { startComparison(input: $input) { id } }',
      comparison,
    );
  });

  const OPERATIONS: readonly (readonly [keyof typeof mine, string])[] = [
    ['generation', 'query ($id: ID!) { generation(id: $id) { id text prompt { messages { content } } } }'],
    ['generation', 'subscription ($id: ID!) { generationEvents(id: $id) { __typename } }'],
    ['generation', 'mutation ($id: ID!) { cancelGeneration(id: $id) { id text } }'],
    ['generation', 'mutation ($id: ID!) { deleteGeneration(id: $id) }'],
    ['comparison', 'query ($id: ID!) { comparison(id: $id) { id lanes { generation { id } } } }'],
    ['comparison', 'query ($id: ID!) { generations(filter: { comparison: $id }) { edges { cursor } } }'],
    ['comparison', 'subscription ($id: ID!) { comparisonEvents(id: $id) { __typename } }'],
    ['comparison', 'mutation ($id: ID!) { rerunComparison(id: $id) { id } }'],
    ['comparison', 'mutation ($id: ID!) { vote(comparison: $id, lane: 1, value: TIE) { id } }'],
    ['comparison', 'mutation ($id: ID!) { cancelComparison(id: $id) { id } }'],
    ['comparison', 'mutation ($id: ID!) { deleteComparison(id: $id) }'],
  ];
  /** All of an answer but its own id and the one it was asked with. */
  const shape = ({ data, errors }: Answer, id: string): string =>
    JSON.stringify({
      data,
      errors: errors?.map(({ message, extensions: { requestId: _own, ...extensions } }) => [
        message,
        extensions,
      ]),
    }).replaceAll(id, 'ID');

  it.each(Object.entries(TRANSPORTS))('is as if it were not there, over %s', async (transport, over) => {
    const [, ownerId] = keys.USER.split('_');
    for (const stranger of [keys.STRANGER, keys.ADMIN])
      for (const [kind, query] of OPERATIONS) {
        if (transport === 'HTTP' && query.startsWith('subscription')) continue;
        const [id, nobodys] = [mine[kind], newId()];
        // Who says that he is another is not believed where keys are asked for.
        const claim = { 'x-mixgate-caller': `key:${ownerId}` };
        const absent = shape(await over(stranger, query, { id: nobodys }), nobodys);
        expect([query, shape(await over(stranger, query, { id }, claim), id)]).toEqual([query, absent]);
      }
    const { data } = await over(keys.USER, 'query ($id: ID!) { generation(id: $id) { id state } }', {
      id: mine.generation,
    });
    expect(data).toEqual({
      generation: {
        id: mine.generation,
        state: expect.stringMatching(/QUEUED|LOADING|PREFILL|DECODING/) as string,
      },
    });
  });

  it('is not told by what everybody may see', async () => {
    const seen = await ask(
      keys.VIEWER,
      `{ devices { id resident { id } waiting { id generation { id } } } models { id } winRates { variantId }
         history { usage { __typename } } modelPulls { id } }`,
    );
    expect(seen.errors).toBeUndefined();
    const metrics = await (await fetch(new URL('/metrics', url), { headers: bearer(keys.VIEWER) })).text();
    const [, ownerId] = keys.USER.split('_');
    for (const told of [JSON.stringify(seen), metrics])
      for (const secret of [mine.generation, mine.comparison, ownerId!, 'USER"'])
        expect(told).not.toContain(secret);
  });

  it('goes on until its owner ends it', async () => {
    const cancel = 'mutation ($id: ID!) { cancelGeneration(id: $id) { state } }';
    const { data } = await ask(keys.USER, cancel, { id: mine.generation });
    expect(data).toEqual({ cancelGeneration: { state: 'CANCELLED' } });
  });
});

describe('a key that may little', () => {
  const schema = buildSchema(
    readFileSync(path.resolve(import.meta.dirname, '../../schema/schema.graphql'), 'utf8'),
  );
  const roots = [schema.getQueryType()!, schema.getMutationType()!, schema.getSubscriptionType()!].flatMap(
    (type) => Object.values(type.getFields()).map((field) => [type.name.toLowerCase(), field] as const),
  );
  const needOf = ({ description }: GraphQLField<unknown, unknown>): string =>
    /Role: (\w+)\.$/.exec(description ?? '')?.[1] ?? 'ANYONE';

  /** The least that the type takes. */
  function literal(type: GraphQLInputType): string {
    if (isNonNullType(type)) return literal(type.ofType);
    if (isListType(type)) return `[${literal(type.ofType)}]`;
    if (isEnumType(type)) return type.getValues()[0]!.name;
    if (isInputObjectType(type)) {
      const fields = Object.values(type.getFields());
      const needed = type.isOneOf ? fields.slice(0, 1) : fields.filter((field) => isNonNullType(field.type));
      return `{ ${needed.map((field) => `${field.name}: ${literal(field.type)}`).join(', ')} }`;
    }
    return { Int: '1', SafeInt: '1', Float: '1', Boolean: 'true', JSON: '[]' }[type.name] ?? '"x"';
  }
  function documentOf(operation: string, field: GraphQLField<unknown, unknown>): string {
    const given = field.args.filter(
      ({ type, defaultValue }) => isNonNullType(type) && defaultValue === undefined,
    );
    const args = given.map((arg) => `${arg.name}: ${literal(arg.type)}`).join(', ');
    const selection = isCompositeType(getNamedType(field.type)) ? ' { __typename }' : '';
    return `${operation} { ${field.name}${args === '' ? '' : `(${args})`}${selection} }`;
  }

  it.each([
    [null, ['VIEWER', 'USER', 'ADMIN'], 'UNAUTHENTICATED'],
    ['WORKER', ['VIEWER', 'USER', 'ADMIN'], 'FORBIDDEN'],
    ['VIEWER', ['USER', 'ADMIN'], 'FORBIDDEN'],
    ['USER', ['ADMIN'], 'FORBIDDEN'],
  ] as const)('%s: is refused whatever needs more', async (role, refused, code) => {
    const needed = roots.filter(([, field]) => (refused as readonly string[]).includes(needOf(field)));
    expect(needed.length).toBeGreaterThanOrEqual(8);
    for (const [operation, field] of needed) {
      const over = operation === 'subscription' ? TRANSPORTS['server-sent events'] : ask;
      const answer = await over(role === null ? null : keys[role], documentOf(operation, field));
      expect([field.name, codeOf(answer)]).toEqual([field.name, code]);
      expect(Object.values(answer.data ?? {}).filter((value) => value !== null)).toEqual([]);
    }
  });

  it('is needed for all but what tells nothing or asks for a key itself', () => {
    const open = roots.filter(([, field]) => needOf(field) === 'ANYONE').map(([, { name }]) => name);
    expect(open.toSorted()).toEqual(['viewer', 'workerCommands', 'workerReports']);
  });

  it('tells a USER of no file of the machine, and of no address inside its network', async () => {
    const inspect = 'query ($source: String!) { inspectSource(source: $source) { id } }';
    const plan = 'query ($source: ID!) { plan(input: { model: $source }) { __typename } }';
    const model = path.resolve(import.meta.dirname, '../../models/demo/tiny-mixtral-8x2M.Q2_K.gguf');
    for (const source of [`file:${model}`, 'file:/nothing.gguf', ' FILE:///etc/passwd'])
      expect(await ask(keys.USER, inspect, { source })).toMatchObject({
        errors: [{ extensions: { code: 'FORBIDDEN', needed: 'ADMIN' } }],
      });
    expect(codeOf(await ask(keys.USER, plan, { source: `file:${model}` }))).toBe('FORBIDDEN');
    expect(codeOf(await ask(keys.ADMIN, inspect, { source: `file:${model}` }))).toBe('ok');
    for (const source of [
      ...['https://127.0.0.1/a.gguf', 'https://[::1]/a.gguf', 'https://[::ffff:127.0.0.1]/a.gguf'],
      ...['https://0x7f.1/a.gguf', 'https://2130706433/a.gguf', 'https://169.254.169.254/a.gguf'],
      ...['http://127.0.0.1/a.gguf', 'https://localhost/a.gguf'],
    ])
      expect([source, codeOf(await ask(keys.USER, inspect, { source }))]).toEqual([source, 'FORBIDDEN']);
    const { errors } = await ask(keys.USER, inspect, { source: 'https://localhost/a.gguf' });
    expect(JSON.stringify(errors)).not.toMatch(/127\.0\.0\.1|::1/);
  });
});

describe('who shows nothing', () => {
  it.each([
    ['HTTP', '{ generatio { i } }', {}],
    ['HTTP', '{ viewr { name } }', {}],
    ['HTTP', 'query ($i: PlanInput!) { plan(input: $i) { __typename } }', { i: { modl: 'x' } }],
    ['server-sent events', '{ generatio { i } }', {}],
    ['server-sent events', 'query ($i: PlanInput!) { plan(input: $i) { __typename } }', { i: { modl: 'x' } }],
  ] as const)('is not told over %s what %s lacks', async (transport, query, variables) => {
    const answer = await TRANSPORTS[transport](null, query, variables);
    expect(codeOf(answer)).toBe('UNAUTHENTICATED');
    expect(JSON.stringify(answer)).not.toMatch(/Did you mean|on type|PlanInput/);
    expect(codeOf(await TRANSPORTS[transport](keys.VIEWER, query, variables))).toBe('INVALID_INPUT');
  });

  it('may ask what everyone may, in a small body', async () => {
    expect(await ask(null, 'query ($a: Boolean!) { viewer @include(if: $a) { role } }', { a: true })).toEqual(
      {
        data: { viewer: { role: null } },
      },
    );
  });

  it('has no large body, and none without an end, read', async () => {
    const unread = /^HTTP\/1\.1 401 [^]*UNAUTHENTICATED/;
    for (const length of ['Content-Length: 4000000', 'Transfer-Encoding: chunked'])
      expect(await raw(head(length), /"requestId"/)).toMatch(unread);
    // Before a byte of it has come, and whatever its length.
    const wrong = `Authorization: Bearer mgk_${'0'.repeat(16)}_${'A'.repeat(43)}`;
    expect(await raw(head('Content-Length: 4000000', wrong), /"requestId"/)).toMatch(unread);
  });
});

describe('bodies and messages', () => {
  const LIMIT = 4 * 2 ** 20;
  const body = (bytes: number) => {
    const rest = JSON.stringify({ query: '{ version }', variables: { x: '' } });
    return rest.replace('""', `"${'x'.repeat(bytes - rest.length)}"`);
  };

  it.each(['', '/stream'])(
    'of just the limit are taken at /graphql%s, and larger ones are not',
    async (at) => {
      const send = (bytes: number) =>
        fetch(`${url}${at}`, {
          method: 'POST',
          headers: {
            ...{ 'content-type': 'application/json', ...bearer(keys.USER) },
            accept: at === '' ? 'application/json' : 'text/event-stream',
          },
          body: body(bytes),
        });
      const taken = await send(LIMIT);
      expect([taken.status, await taken.text()]).toEqual([200, expect.stringContaining('"version"')]);
      // Which is said before they have come.
      const refused = head(`Content-Length: ${LIMIT + 1}`, `Authorization: Bearer ${keys.USER}`);
      expect(await raw(refused.replace('/graphql', `/graphql${at}`), /"requestId"/)).toMatch(
        /^HTTP\/1\.1 413 [^]*INVALID_INPUT/,
      );
    },
  );

  it('that come after their key was revoked are not taken', async () => {
    const whole = JSON.stringify({ query: '{ version }' });
    const socket = plain();
    socket.write(head(`Content-Length: ${whole.length}`, `Authorization: Bearer ${keys.LATE}`));
    socket.write(whole.slice(0, 4));
    // Its head has been read when a request that came later is answered.
    expect(codeOf(await ask(keys.LATE, '{ version }'))).toBe('ok');
    await revokeKey(file(), 'LATE', Date.now());
    await expect.poll(async () => codeOf(await ask(keys.LATE, '{ version }'))).toBe('UNAUTHENTICATED');
    socket.write(whole.slice(4));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 401 /);
    socket.destroy();
  });

  it('whose length is told twice are not read', async () => {
    const smuggled = head(
      'Content-Length: 4',
      'Transfer-Encoding: chunked',
      `Authorization: Bearer ${keys.USER}`,
    );
    expect(await raw(`${smuggled}0\r\n\r\n${get('/metrics')}`)).toMatch(
      /^HTTP\/1\.1 400 (?![^]*HTTP\/1\.1 200)/,
    );
  });
});

const opened = async (): Promise<WebSocket> => {
  const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws');
  await once(socket, 'open');
  return socket;
};
async function initialized(socket: WebSocket, key = keys.USER): Promise<void> {
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: key } }));
  await once(socket, 'message');
}

describe('prototypes', () => {
  const POISONS = ['{"__proto__":{"role":"ADMIN"}}', '{"constructor":{"prototype":{"role":"ADMIN"}}}'];
  const SCALARS = {
    jsonSchema: [
      'mutation ($x: JSON) { startGeneration(input: { model: "none", prompt: { text: "a" }, jsonSchema: $x }) { id } }',
      'USER',
    ],
    device: ['subscription ($x: JSON) { workerCommands(key: "KEY", device: $x) { worker } }', 'WORKER'],
    reports: [
      'mutation ($x: JSON!) { workerReports(key: "KEY", worker: "w", first: 1, reports: $x, seen: 0) }',
      'WORKER',
    ],
  } as const;

  it.each(Object.entries(SCALARS))('do not change through %s', async (_name, [text, role]) => {
    const query = text.replace('KEY', keys.WORKER);
    for (const poison of POISONS) {
      const payload = `{"query":${JSON.stringify(query)},"variables":{"x":${poison}}}`;
      const headers = { 'content-type': 'application/json', ...bearer(keys[role]) };
      for (const at of ['', '/stream']) {
        const accept = at === '' ? 'application/json' : 'text/event-stream';
        const answer = await fetch(`${url}${at}`, {
          ...{ method: 'POST', headers: { ...headers, accept }, body: payload },
        });
        expect([poison, at, answer.status]).toEqual([poison, at, 400]);
      }
      const socket = await opened();
      await initialized(socket, keys[role]);
      socket.send(`{"type":"subscribe","id":"1","payload":${payload}}`);
      expect((await once(socket, 'close'))[0]).toBe(4400);
      // As a literal of the document, which no JSON parser sees.
      const literal = poison.replaceAll(/"(\w+)":/g, '$1: ');
      const written = query.replace(/ ?\(\$x: JSON!?\)/, '').replace('$x', literal);
      const over = written.startsWith('subscription') ? TRANSPORTS['server-sent events'] : ask;
      expect([written, codeOf(await over(keys[role], written))]).toEqual([
        written,
        expect.stringMatching(/^(INVALID_INPUT|MODEL_NOT_FOUND|NOT_FOUND)$/),
      ]);
    }
    for (const known of ['VIEWER', 'USER', 'WORKER'] as const)
      expect(await ask(keys[known], '{ viewer { role } }')).toEqual({ data: { viewer: { role: known } } });
    expect(await ask(null, '{ viewer { role } }')).toEqual({ data: { viewer: { role: null } } });
  });
});

describe('addresses', () => {
  const UP = [
    '..',
    '%2e%2e',
    '..%2f..',
    '%2e%2e%2f%2e%2e',
    '..\\..',
    '..%5c..',
    '%252e%252e',
    '....//..',
    '..;',
  ];
  const PLACES = ['/', '/worker/', '/assets/', '/worker/assets/', '/weights/x/resolve/main/', '/weights/'];

  it.each(PLACES)('under %s lead to no file elsewhere', async (place) => {
    for (const up of UP)
      for (const target of ['main.js', 'package.json', '../../package.json', 'etc/passwd', 'keys.json%00.js'])
        for (const steps of [1, 4]) {
          const address = `${place}${`${up}/`.repeat(steps)}${target}`;
          const answer = await raw(get(address));
          expect([address, answer]).toEqual([address, expect.stringMatching(/^HTTP\/1\.1 4\d\d /)]);
        }
  });

  it('in full, or of others, lead nowhere', async () => {
    for (const target of [
      'file:///etc/passwd',
      'http://evil.example/worker/../main.js',
      '//evil.example/%2e%2e',
    ])
      expect([target, await raw(get(target))]).toEqual([
        target,
        expect.stringMatching(/^HTTP\/1\.1 4\d\d (?![^]*\r\nlocation:)/i),
      ]);
  });
});

describe('headers and lines of the log', () => {
  const FORGED = '[00:00:00.000] ERROR (1): forged';

  it.each([
    ['a line feed', 'x-request-id: a\nset-cookie: evil=1'],
    ['a carriage return', 'x-request-id: a\rset-cookie: evil=1'],
    ['a folded line', 'x-request-id: a\r\n set-cookie: evil=1'],
    ['an encoded line', 'x-request-id: a%0d%0aset-cookie:%20evil=1'],
    ['a line separator', 'x-request-id: a\u0085set-cookie: evil=1'],
    ['two of them', 'x-request-id: a\r\nx-request-id: b'],
    ['an origin', 'origin: https://evil.example"\u0085set-cookie: evil=1'],
  ])('%s in a header comes back in none', async (_name, header) => {
    for (const target of ['/graphql?query=%7Bversion%7D', '/health/live']) {
      const [answered = ''] = (await raw(get(target, header))).split('\r\n\r\n');
      expect(answered).toMatch(/^HTTP\/1\.1 \d{3} /);
      expect(answered).not.toMatch(/set-cookie|evil/i);
    }
  });

  it('no name, id or address makes a line of its own', async () => {
    const memory = { memoryTotalBytes: 2 ** 33, memoryFreeBytes: 2 ** 33 };
    const device = {
      ...{ type: 'device', id: 'register', runtimeVersion: `none\n${FORGED}`, mathCores: 1 },
      devices: [{ name: `A\n${FORGED}`, kind: 'CPU', count: 1, ...memory }],
    };
    const come =
      'subscription ($key: String!, $name: String, $device: JSON) { workerCommands(key: $key, name: $name, device: $device) { worker } }';
    for (const separator of ['\n', '\r\n', '\r'])
      await TRANSPORTS['server-sent events'](keys.WORKER, come, {
        ...{ key: keys.WORKER, name: `A${separator}${FORGED}`, device },
      });
    await raw(get(`/nothing%0a${encodeURIComponent(FORGED)}`, `x-request-id: a%0a${FORGED}`));
    await ask(keys.USER, 'query ($id: ID!) { generation(id: $id) { id } }', { id: `x\n${FORGED}` });
    await ask(`nonsense\t${FORGED.replaceAll(' ', '')}`, '{ version }');
    for (const event of ['request.ended', 'worker.came', 'forged']) expect(gateway.stderr()).toContain(event);
    expect(
      gateway
        .stderr()
        .split(/[\r\n]/)
        .filter((line) => line.trimStart().startsWith('[00:00:00.000]')),
    ).toEqual([]);
  });

  it('no key, and nothing that was asked or answered, is told', async () => {
    const secret = `mgk_${'1'.repeat(16)}_${'B'.repeat(43)}`;
    await ask(secret, '{ version }');
    await fetch(`${url}?query=%7Bversion%7D&authorization=${secret}`);
    expect(gateway.stderr()).toContain('access.refused');
    for (const told of [...Object.values(keys), secret, PROMPT.messages[0]!.content])
      expect(gateway.stderr()).not.toContain(told);
  });
});

describe('a crowd that does nothing', () => {
  it('is let in up to the limit, keeps nobody from an answer, and is gone after its time', async () => {
    const sockets = Array.from({ length: SOCKETS + 50 }, () => {
      const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws');
      return socket.on('error', () => undefined);
    });
    const isIn = await Promise.all(
      sockets.map((socket) =>
        Promise.race([
          once(socket, 'open').then(() => true),
          once(socket, 'unexpected-response').then(([, { statusCode }]) => {
            expect(statusCode).toBe(503);
            return false;
          }),
        ]),
      ),
    );
    const letIn = sockets.filter((_socket, index) => isIn[index]);
    expect(letIn).toHaveLength(SOCKETS);
    // Heads and bodies that do not come.
    const slow = Array.from({ length: 200 }, (_, index) => {
      const socket = plain();
      if (index % 2 === 0) socket.write('POST /graphql HTTP/1.1\r\nHost: loc');
      else socket.write(`${head('Content-Length: 90', `Authorization: Bearer ${keys.USER}`)}{"que`);
      return socket;
    });
    const shown = letIn.slice(0, 500);
    await Promise.all(shown.map((socket) => initialized(socket)));
    expect(await ask(keys.USER, '{ version }')).toMatchObject({ data: {} });
    const closed = await Promise.all(letIn.slice(500).map((socket) => once(socket, 'close')));
    expect(new Set(closed.map(([code]) => code as number))).toEqual(new Set([4408]));
    expect(shown.every(({ readyState }) => readyState === WebSocket.OPEN)).toBe(true);
    // Their places are free again.
    await initialized(await opened());
    expect(await ask(keys.USER, '{ version }')).toMatchObject({ data: {} });
    for (const socket of shown) socket.terminate();
    for (const socket of slow) socket.destroy();
    const open = async () => {
      const metrics = await fetch(new URL('/metrics', url), { headers: bearer(keys.ADMIN) });
      return Number(/^mixgate_websockets (\d+)/m.exec(await metrics.text())?.[1]);
    };
    await expect.poll(open, { timeout: 5000 }).toBeLessThan(3);
  });
});

import { once } from 'node:events';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { addKey, keyFileOf, revokeKey } from '../../src/access/key-file.ts';
import type { Role } from '../../src/access/caller.ts';
import { runMixgate } from '../support/command.ts';
import { ask, overEach, overEvents, overSocket, type Followed } from '../support/asking.ts';
import { DEMO, startGateway, UNICORN, type TestGateway } from '../support/gateway.ts';
import { startIdentityProvider } from '../support/identity-provider.ts';
import { lastingFolder } from '../support/temporary-folder.ts';

const folder = lastingFolder();
const file = () => keyFileOf(folder());
let gateway: TestGateway;
let url = '';
const keys = {} as Record<Role, string>;

const mixgate = (...args: string[]) => runMixgate(args);

const keyOf = async (name: string, role: Role, expiresAt: Date | null = null): Promise<string> =>
  (await addKey(file(), { name, role, expiresAt }, Date.now())).text;
/** Until the gateway has noticed. */
const isKnown = (key: string) =>
  expect.poll(() => viewerOf(key), { timeout: 5000 }).toMatchObject({ isAuthenticated: true });
async function viewerOf(credential: string | null): Promise<unknown> {
  const answer = await ask(url, '{ viewer { name role isAuthenticated expiresAt } }', credential);
  return ((await answer.json()) as { data?: { viewer?: unknown } }).data?.viewer ?? null;
}

const DEVICES = 'subscription { deviceStatus { id } }';
/** Goes on until the context is full. */
const GENERATE = `subscription { generate(input: { model: "${DEMO}", onDisconnect: CANCEL, maxTokens: 1500,
  jsonSchema: { type: "array", minItems: 500, items: { type: "integer" } },
  prompt: { messages: [{ role: USER, content: "${UNICORN}" }] } }) { __typename } }`;

beforeAll(async () => {
  // Wrong ones come by the dozen here.
  const flags = ['--disconnect-grace-ms', '100', '--failed-sign-ins-per-minute', '0'];
  gateway = await startGateway(['--data-dir', folder(), ...flags], { NO_COLOR: '1' });
  url = gateway.url;
});
afterAll(() => gateway.stop());

describe('without keys', () => {
  it('it is open to this machine, says so, and keeps the worker key out of what is no terminal', async () => {
    expect(gateway.stderr()).toContain('Access: open to whoever is on this machine');
    expect(gateway.stderr()).not.toContain(readFileSync(path.join(folder(), 'worker-key'), 'utf8'));
    expect(gateway.stderr()).toContain(path.join(folder(), 'worker-key'));
    expect(await viewerOf(null)).toEqual({
      ...{ name: null, role: 'ADMIN', isAuthenticated: false, expiresAt: null },
    });
    // Of a proxy in front of it, perhaps.
    expect(await viewerOf('whatever')).toMatchObject({ role: 'ADMIN' });
  });

  it('the first key closes it, for what is open already too', async () => {
    const socket = overSocket(url, DEVICES, null);
    const events = overEvents(url, DEVICES, null);
    expect([await socket.first, await events.first]).toEqual(['ok', 'ok']);
    const made = await mixgate(
      ...['keys', 'create', '--name', 'ADMIN', '--role', 'admin', '--data-dir', folder()],
    );
    expect(made).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^mgk_[0-9a-f]{16}_[\w-]{43}\n$/) as string,
    });
    keys.ADMIN = made.stdout.trim();
    expect(await socket.ended).toMatchObject({
      ...{ how: 'closed 4401', reason: expect.stringContaining('From now on') as string },
    });
    expect((await events.ended).how).toBe('UNAUTHENTICATED');
    expect(await viewerOf(null)).toEqual({
      ...{ name: null, role: null, isAuthenticated: false, expiresAt: null },
    });
    expect(await viewerOf(keys.ADMIN)).toMatchObject({ name: 'ADMIN', role: 'ADMIN', isAuthenticated: true });
    for (const role of ['VIEWER', 'USER', 'WORKER'] as const) keys[role] = await keyOf(role, role);
    await isKnown(keys.WORKER);
  });
});

const LOOKS = '{ devices { id } }';
const READS = '{ generations { edges { cursor } } }';
const STARTS = `subscription { generate(input: { model: "none-of-this-name", prompt: { text: "Hi" } }) { sequence } }`;
const CLEARS = 'mutation { clearHistory(before: "2000-01-01T00:00:00Z") }';
const ASKS = '{ __schema { queryType { name } } }';
const LENDS =
  'mutation { workerReports(key: "no key of anybody", worker: "w", first: 1, reports: [], seen: 0) }';

describe('with keys', () => {
  const [ok, no, no401, reached] = ['ok', 'FORBIDDEN', 'UNAUTHENTICATED', 'MODEL_NOT_FOUND'];
  it.each([
    ['VIEWER', { [LOOKS]: ok, [DEVICES]: ok, [READS]: no, [STARTS]: no, [CLEARS]: no, [ASKS]: ok }],
    ['USER', { [LOOKS]: ok, [DEVICES]: ok, [READS]: ok, [STARTS]: reached, [CLEARS]: no, [ASKS]: ok }],
    ['ADMIN', { [LOOKS]: ok, [DEVICES]: ok, [READS]: ok, [STARTS]: reached, [CLEARS]: ok, [ASKS]: ok }],
    ['WORKER', { [LOOKS]: no, [DEVICES]: no, [READS]: no, [STARTS]: no, [CLEARS]: no, [LENDS]: no401 }],
  ] as const)('a %s may the same over every transport', async (role, expected) => {
    for (const [query, outcome] of Object.entries(expected)) {
      const outcomes = await overEach(url, query, keys[role]);
      expect(outcomes, query).toEqual(
        Object.fromEntries(Object.keys(outcomes).map((transport) => [transport, outcome])),
      );
    }
  });

  it('who shows nothing is told to, by what each transport has for it', async () => {
    for (const query of [LOOKS, DEVICES, READS, STARTS, CLEARS, ASKS, '{ __type(name: "Query") { name } }']) {
      const { http = 'UNAUTHENTICATED', sse, ws } = await overEach(url, query, null);
      expect({ http, sse, ws }, query).toEqual({
        ...{ http: 'UNAUTHENTICATED', sse: 'UNAUTHENTICATED', ws: 'closed 4401' },
      });
    }
    const answer = await ask(url, LOOKS, null);
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="mixgate"']);
    expect(await ask(url, '{ __typename }', null)).toMatchObject({ status: 200 });
  });

  it.each([
    ['nonsense', 'nonsense'],
    ['a key that nobody made', `mgk_${'0'.repeat(16)}_${'A'.repeat(43)}`],
    ['a token, where no provider is', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.'],
  ])('%s is refused before anything is done, also where nothing is needed', async (_, credential) => {
    const answer = await ask(url, '{ viewer { role } }', credential);
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({
      errors: [{ extensions: { code: 'UNAUTHENTICATED', reason: 'UNKNOWN', retryable: false } }],
    });
    expect(await overEach(url, DEVICES, credential)).toEqual({ sse: 'HTTP 401', ws: 'closed 4403' });
  });

  it('a socket takes the key from its upgrade, too, and as a header is written', async () => {
    const opened = (headers: Record<string, string>, payload: object) =>
      new Promise<string>((resolve) => {
        const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws', { headers });
        socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload })));
        socket.on('message', (message: Buffer) => {
          resolve((JSON.parse(message.toString()) as { type: string }).type);
          socket.close();
        });
        socket.on('close', (code) => resolve(String(code)));
      });
    const header = `Bearer ${keys.VIEWER}`;
    expect(await opened({ authorization: header }, {})).toBe('connection_ack');
    expect(await opened({}, { Authorization: header })).toBe('connection_ack');
    expect(await opened({}, { authorization: `bearer ${keys.VIEWER}` })).toBe('connection_ack');
    expect(await opened({}, { authorization: `Basic ${keys.VIEWER}` })).toBe('4403');
    expect(await opened({}, { authorization: { toString: 'x' } })).toBe('4403');
    // What it says in connection_init counts, not what is left over from the upgrade.
    expect(await opened({ authorization: header }, { authorization: 'nonsense' })).toBe('4403');
    expect(await opened({}, { callerId: 'ADMIN' })).toBe('4401');
  });

  it('browsers lend with a worker key alone, as the argument that it has always been', async () => {
    const device = '{ type: "device", name: "Lender", memory: { totalBytes: 1000000 } }';
    const register = (key: string) =>
      `subscription { workerCommands(key: "${key}", name: "x", device: ${device}) { worker } }`;
    const own = readFileSync(path.join(folder(), 'worker-key'), 'utf8').trim();
    // Let in, and only then told that this is no frame.
    for (const key of [own, keys.WORKER, keys.ADMIN]) {
      const stream = overEvents(url, register(key), null);
      expect(await stream.first).toBe('INVALID_INPUT');
      expect(await overEach(url, register(key), key)).toEqual({ sse: 'INVALID_INPUT', ws: 'INVALID_INPUT' });
    }
    for (const key of [keys.USER, 'nonsense'])
      expect(await overEvents(url, register(key), null).first).toBe('UNAUTHENTICATED');
    expect(await overEach(url, LOOKS, own)).toMatchObject({ http: 'FORBIDDEN', ws: 'FORBIDDEN' });
  });

  it('what is beside the API tells no more than it must', async () => {
    const at = (place: string, key?: string) =>
      fetch(new URL(place, url), key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } });
    const status = async (place: string, key?: string) => (await at(place, key)).status;
    for (const place of ['/', '/worker/', '/health/live', '/health/ready'])
      expect(await status(place)).toBe(200);
    expect(await (await at('/health/ready')).json()).toEqual({ status: 'ready' });
    expect(await (await at('/health/ready', keys.VIEWER)).json()).toMatchObject({ reasons: [] });
    expect([await status('/metrics'), await status('/metrics', keys.WORKER)]).toEqual([401, 403]);
    const metrics = await (await at('/metrics', keys.VIEWER)).text();
    expect(metrics).toMatch(/^mixgate_authentication_failures_total\{reason="UNKNOWN"\} [1-9]/m);
    expect(gateway.stderr()).toContain('access.refused');
    for (const key of Object.values(keys)) expect(gateway.stderr()).not.toContain(key.slice(-43));
    expect(gateway.stderr()).not.toContain('nonsense');
  });
});

describe('what a key has opened ends', () => {
  const opened = (key: string): readonly Followed[] => [
    overSocket(url, DEVICES, key),
    overEvents(url, DEVICES, key),
  ];
  const cancelled = async () => {
    const answer = await fetch(new URL('/metrics', url), {
      headers: { authorization: `Bearer ${keys.ADMIN}` },
    });
    return Number(/ended_total\{state="CANCELLED"\} (\d+)/.exec(await answer.text())?.[1]);
  };

  it('when it is revoked, what it generates too, and nobody else notices', async () => {
    const key = await keyOf('lost', 'USER');
    await isKnown(key);
    const before = await cancelled();
    const [socket, events] = [overSocket(url, GENERATE, key), overEvents(url, GENERATE, key)];
    const others = opened(keys.USER);
    expect([await socket.first, await events.first]).toEqual(['ok', 'ok']);
    await revokeKey(file(), 'lost', Date.now());
    expect(await socket.ended).toEqual({
      ...{ how: 'closed 4403', reason: 'The API key lost was revoked: use another one.' },
    });
    expect(await events.ended).toMatchObject({
      how: 'UNAUTHENTICATED',
      reason: expect.stringMatching(/revoked/) as string,
    });
    await expect.poll(cancelled, { timeout: 15_000 }).toBe(before + 2);
    expect((await ask(url, '{ viewer { role } }', key)).status).toBe(401);
    const isOver = await Promise.race([...others.map(({ ended }) => ended.then(() => true)), cancelled()]);
    expect(isOver).not.toBe(true);
    for (const { leave } of others) leave();
  });

  it('when who is shown out does not listen: nothing more is done for it', async () => {
    const key = await keyOf('deaf', 'USER');
    await isKnown(key);
    const openSockets = async () => {
      const headers = { authorization: `Bearer ${keys.ADMIN}` };
      const metrics = await (await fetch(new URL('/metrics', url), { headers })).text();
      return Number(/^mixgate_websockets (\d+)/m.exec(metrics)?.[1]);
    };
    await expect.poll(openSockets).toBe(0);
    const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws');
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: key } }));
    await once(socket, 'message');
    socket.pause();
    await revokeKey(file(), 'deaf', Date.now());
    await expect.poll(() => viewerOf(key)).toBe(null);
    const query = `mutation { startGeneration(input: { model: "${DEMO}", prompt: { text: "Hi" }, maxTokens: 1 }) { id } }`;
    const started = () => gateway.stderr().split('generation.started').length;
    const before = started();
    socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query } }));
    await expect.poll(openSockets, { timeout: 5000 }).toBe(0);
    expect(started()).toBe(before);
    socket.terminate();
  });

  it('when it expires', async () => {
    const key = await keyOf('guest', 'VIEWER', new Date(Date.now() + 2500));
    await isKnown(key);
    const [socket, events] = opened(key);
    expect(await socket!.first).toBe('ok');
    expect(await socket!.ended).toMatchObject({
      how: 'closed 4403',
      reason: expect.stringMatching(/guest expired/) as string,
    });
    expect(await events!.ended).toMatchObject({
      how: 'UNAUTHENTICATED',
      reason: expect.stringMatching(/guest expired/) as string,
    });
    expect((await ask(url, '{ viewer { role } }', key)).status).toBe(401);
  });

  it('when keys.json is damaged, until it is mended', async () => {
    const [socket] = opened(keys.USER);
    expect(await socket!.first).toBe('ok');
    const whole = readFileSync(file(), 'utf8');
    writeFileSync(file(), whole.slice(0, -20));
    expect(await socket!.ended).toMatchObject({
      how: 'closed 4403',
      reason: expect.stringMatching(/cannot be read/) as string,
    });
    const answer = await ask(url, LOOKS, keys.ADMIN);
    expect(answer.status).toBe(401);
    expect(await answer.text()).not.toContain(folder());
    expect(gateway.stderr()).toContain('access.unreadable');
    writeFileSync(file(), whole);
    await isKnown(keys.ADMIN);
  });
});

describe('the command line', () => {
  it('asks the gateway of its data folder with a key, and says where to put one', async () => {
    const remove = (...more: string[]) =>
      mixgate('history', 'clear', '--before', '2000-01-01', '--data-dir', folder(), ...more);
    const refusal = { code: 1, stdout: '' };
    expect(await remove()).toMatchObject({
      ...refusal,
      stderr: expect.stringMatching(/UNAUTHENTICATED .*--api-key/) as string,
    });
    expect(await remove('--api-key', keys.USER)).toMatchObject({
      ...{ ...refusal, stderr: expect.stringMatching(/FORBIDDEN .*needs the role ADMIN/) as string },
    });
    expect(await remove('--api-key', keys.ADMIN)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/0 entries deleted/) as string,
    });
  });

  it('revokes, and lists what there is, and never a key', async () => {
    const revoked = await mixgate('keys', 'revoke', 'USER', '--data-dir', folder());
    expect(revoked).toMatchObject({ code: 0, stdout: expect.stringContaining('USER') as string });
    await expect.poll(() => viewerOf(keys.USER), { timeout: 5000 }).toBe(null);
    const { stdout } = await mixgate('keys', 'list', '--json', '--data-dir', folder());
    const listed = JSON.parse(stdout) as { name: string; state: string }[];
    const states = Object.fromEntries(listed.map(({ name, state }) => [name, state]));
    expect(states).toMatchObject({ ADMIN: 'VALID', USER: 'REVOKED', lost: 'REVOKED', guest: 'EXPIRED' });
    expect(stdout).not.toMatch(/mgk_|sha256/);
  });
});

describe('where other machines reach it', () => {
  it('without keys it does not start, unless forced, and says so', async () => {
    const flags = ['serve', '--port', '0', '--host', '0.0.0.0', '--data-dir', path.join(folder(), 'fresh')];
    const { code, stderr, stdout } = await mixgate(...flags);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(
      /INVALID_INPUT 0\.0\.0\.0 is reached from other machines.*mixgate keys create.*--unsafe-open/,
    );
  });
});

describe('with an OpenID Connect provider', () => {
  const AUDIENCE = 'https://mixgate.example/';
  let provider: Awaited<ReturnType<typeof startIdentityProvider>>;
  let guarded: TestGateway;
  beforeAll(async () => {
    provider = await startIdentityProvider(AUDIENCE, ['mixgate-viewer', 'user', 'stranger']);
    const oidc = [`--oidc-issuer=${provider.issuer}`, `--oidc-audience=${AUDIENCE}`];
    // No key was ever made there.
    guarded = await startGateway([...oidc, '--oidc-roles-claim', 'realm_access.roles'], { NO_COLOR: '1' });
  });
  afterAll(async () => {
    provider.stop();
    await guarded.stop();
  });

  it('its tokens count for what their roles say, over every transport', async () => {
    expect(guarded.stderr()).toContain('Access: with a key or a token');
    const viewer = await provider.tokenOf('mixgate-viewer');
    expect(await overEach(guarded.url, LOOKS, viewer)).toEqual({ http: 'ok', sse: 'ok', ws: 'ok' });
    expect(await overEach(guarded.url, STARTS, viewer)).toEqual({ sse: 'FORBIDDEN', ws: 'FORBIDDEN' });
    const user = await provider.tokenOf('user');
    expect(await overEach(guarded.url, STARTS, user)).toEqual({
      ...{ sse: 'MODEL_NOT_FOUND', ws: 'MODEL_NOT_FOUND' },
    });
    const answer = await ask(guarded.url, '{ viewer { name role isAuthenticated } }', user);
    expect(await answer.json()).toEqual({
      data: { viewer: { name: 'user', role: 'USER', isAuthenticated: true } },
    });
  });

  it('one for somebody else, and one without a role, do not', async () => {
    const elsewhere = await provider.tokenOf('user', 'https://other.example/');
    expect(await overEach(guarded.url, DEVICES, elsewhere)).toEqual({ sse: 'HTTP 401', ws: 'closed 4403' });
    const stranger = await provider.tokenOf('stranger');
    expect(await overEach(guarded.url, DEVICES, stranger)).toEqual({ sse: 'HTTP 403', ws: 'closed 4403' });
    expect((await ask(guarded.url, LOOKS, null)).status).toBe(401);
  });

  it('where it is away, that is said, and API keys go on', async () => {
    const own = path.join(folder(), 'away');
    mkdirSync(own);
    copyFileSync(path.join(folder(), 'keys.json'), path.join(own, 'keys.json'));
    const away = await startGateway(
      ['--oidc-issuer', 'http://127.0.0.1:9', '--oidc-audience', AUDIENCE, '--data-dir', own],
      { NO_COLOR: '1' },
    );
    try {
      const token = await provider.tokenOf('user');
      const answer = await ask(away.url, LOOKS, token);
      expect(answer.status).toBe(503);
      expect(await answer.json()).toMatchObject({
        errors: [{ extensions: { code: 'SOURCE_UNAVAILABLE', retryable: true } }],
      });
      expect(await overEach(away.url, DEVICES, token)).toEqual({ sse: 'HTTP 503', ws: 'closed 1013' });
      expect(await overEach(away.url, DEVICES, keys.VIEWER)).toEqual({ sse: 'ok', ws: 'ok' });
    } finally {
      await away.stop();
    }
  });

  it('without an audience it does not start', async () => {
    const { code, stderr } = await mixgate('serve', '--oidc-issuer', provider.issuer);
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/oidcAudience: is needed/) as string,
    });
  });
});

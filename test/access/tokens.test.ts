import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT, type JWTPayload } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Access } from '../../src/access/access.ts';
import { KeyRing } from '../../src/access/key-ring.ts';
import { Tokens, type TokenOptions } from '../../src/access/tokens.ts';
import type { MixgateError } from '../../src/errors.ts';

/** An identity provider's keys and discovery on a real socket, with keys that a test can hold in its hands. */
class Provider {
  readonly #server: Server;
  keys: { readonly kid: string; readonly pair: Awaited<ReturnType<typeof generateKeyPair>> }[] = [];
  requests: string[] = [];
  isAway = false;

  constructor() {
    this.#server = createServer(
      (request, response) =>
        void this.#answer(request.url ?? '').then(
          (body) => response.writeHead(this.isAway ? 503 : 200).end(JSON.stringify(body)),
          () => response.destroy(),
        ),
    );
  }

  get issuer(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  async rotate(kid: string): Promise<void> {
    this.keys = [{ kid, pair: await generateKeyPair('ES256', { extractable: true }) }];
  }

  async #answer(url: string): Promise<object> {
    this.requests.push(url);
    if (url === '/.well-known/openid-configuration')
      return { issuer: this.issuer, jwks_uri: `${this.issuer}/jwks` };
    return {
      keys: await Promise.all(
        this.keys.map(async ({ kid, pair }) => ({ ...(await exportJWK(pair.publicKey)), kid, alg: 'ES256' })),
      ),
    };
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

const PAUSE_MS = 300;
const AUDIENCE = 'mixgate.example';
const provider = new Provider();
beforeAll(() => provider.start());
afterAll(() => provider.stop());

let now = Date.now();
beforeEach(async () => {
  now = Date.now();
  provider.isAway = false;
  provider.requests = [];
  await provider.rotate('first');
});

const tokensWith = (options: Partial<TokenOptions> = {}) =>
  new Tokens({
    ...{ issuer: provider.issuer, audience: AUDIENCE, jwksUrl: null, rolesClaim: 'roles', defaultRole: null },
    ...{ now: () => now, pauseMs: PAUSE_MS, ...options },
  });
const claims = (more: JWTPayload = {}): JWTPayload => ({
  ...{
    iss: provider.issuer,
    aud: AUDIENCE,
    sub: 'ada',
    exp: Math.floor(now / 1000) + 60,
    roles: ['mixgate-user'],
  },
  ...more,
});
function signed(
  payload: Readonly<Record<string, unknown>>,
  { kid, pair } = provider.keys[0]!,
): Promise<string> {
  return new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid }).sign(pair.privateKey);
}
const refusalOf = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    ({ code, data: { reason }, retryable, message }: MixgateError) => ({ code, reason, retryable, message }),
  );

it('a token of the provider names its bearer', async () => {
  const token = await signed(claims({ preferred_username: 'Ada L.' }));
  const { exp } = claims();
  expect(await tokensWith().verify(token)).toEqual({
    ...{ id: `oidc:${provider.issuer}#ada`, name: 'Ada L.', role: 'USER' },
    expiresAt: new Date((exp! + 30) * 1000),
  });
  expect(provider.requests).toEqual(['/.well-known/openid-configuration', '/jwks']);
});

it('keys are asked for once, and where oidcJwksUrl says', async () => {
  const tokens = tokensWith({ jwksUrl: `${provider.issuer}/elsewhere` });
  for (let count = 0; count < 3; count++) await tokens.verify(await signed(claims()));
  expect(provider.requests).toEqual(['/elsewhere']);
});

describe('is refused:', () => {
  const cases: Record<string, () => Promise<string>> = {
    'no algorithm': async () => new UnsecuredJWT(claims()).encode(),
    'the public key as a secret': async () => {
      const { kid, pair } = provider.keys[0]!;
      const secret = new TextEncoder().encode(await exportSPKI(pair.publicKey));
      return new SignJWT(claims()).setProtectedHeader({ alg: 'HS256', kid }).sign(secret);
    },
    "somebody else's key under the same kid": async () =>
      signed(claims(), { kid: 'first', pair: await generateKeyPair('ES256') }),
    'a kid that is not known': async () => signed(claims(), { ...provider.keys[0]!, kid: 'other' }),
    'another audience': () => signed(claims({ aud: 'other.example' })),
    'no audience': () => signed({ ...claims(), aud: undefined }),
    'another issuer': () => signed(claims({ iss: 'https://other.example' })),
    'no end': () => signed({ ...claims(), exp: undefined }),
    'no subject': () => signed({ ...claims(), sub: undefined }),
    'not yet valid': () => signed(claims({ nbf: Math.floor(now / 1000) + 60 })),
    'changed claims': async () => {
      const [header, , signature] = (await signed(claims())).split('.');
      const payload = Buffer.from(JSON.stringify(claims({ roles: ['mixgate-admin'] }))).toString('base64url');
      return `${header}.${payload}.${signature}`;
    },
    'nonsense': async () => 'a.b.c',
  };
  it.each(Object.entries(cases))('%s', async (_, make) => {
    expect(await refusalOf(tokensWith().verify(await make()))).toMatchObject({
      ...{ code: 'UNAUTHENTICATED', reason: 'TOKEN' },
    });
  });

  it('one that has expired, but for what clocks may differ', async () => {
    const tokens = tokensWith();
    const token = await signed(claims());
    now += 85_000;
    expect(await refusalOf(tokens.verify(token))).toBe(null);
    now += 10_000;
    expect(await refusalOf(tokens.verify(token))).toMatchObject({
      code: 'UNAUTHENTICATED',
      reason: 'EXPIRED',
    });
  });
});

it('a new key of the provider counts without a restart, and those it has withdrawn no more', async () => {
  const tokens = tokensWith();
  const old = await signed(claims());
  await tokens.verify(old);
  await provider.rotate('second');
  // What jose keeps to itself: an unknown key asks again at most every few seconds.
  const token = await signed(claims());
  expect(await refusalOf(tokens.verify(token))).toMatchObject({ reason: 'TOKEN' });
  await expect.poll(() => refusalOf(tokens.verify(token)), { timeout: 15_000 }).toBe(null);
  expect(await refusalOf(tokens.verify(old))).toMatchObject({ code: 'UNAUTHENTICATED' });
});

it('a provider that is away is told so, not asked for each token, and asked again later', async () => {
  provider.isAway = true;
  const tokens = tokensWith();
  const token = await signed(claims());
  for (let count = 0; count < 5; count++)
    expect(await refusalOf(tokens.verify(token))).toMatchObject({
      code: 'SOURCE_UNAVAILABLE',
      retryable: true,
    });
  expect(provider.requests).toHaveLength(1);
  provider.isAway = false;
  now += PAUSE_MS;
  expect(await refusalOf(tokens.verify(await signed(claims())))).toBe(null);
});

it('discovery of another issuer is no discovery', async () => {
  const tokens = tokensWith({ issuer: `${provider.issuer}/` });
  const refusal = await refusalOf(tokens.verify(await signed(claims({ iss: `${provider.issuer}/` }))));
  expect(refusal).toMatchObject({
    code: 'SOURCE_UNAVAILABLE',
    message: expect.stringContaining('to the letter') as string,
  });
});

describe('roles', () => {
  const address = 'https://example.com/roles';
  it.each([
    ['ours before others', { roles: ['admin', 'mixgate-viewer'] }, 'roles', 'VIEWER'],
    ['the highest', { roles: ['viewer', 'ADMIN', 'worker'] }, 'roles', 'ADMIN'],
    ['a worker', { roles: ['mixgate-worker'] }, 'roles', 'WORKER'],
    ['as text', { scope: 'openid mixgate-user' }, 'scope', 'USER'],
    ['deeper', { realm_access: { roles: ['mixgate-admin'] } }, 'realm_access.roles', 'ADMIN'],
    ['under an address', { [address]: ['user'] }, address, 'USER'],
    ['of strangers', { roles: ['offline_access', 'administrator', 7, null] }, 'roles', null],
    ['of the wrong shape', { roles: { admin: true } }, 'roles', null],
    ['inherited', {}, 'constructor.name', null],
  ])('%s', async (_, more, rolesClaim, role) => {
    const token = await signed({ ...claims(), roles: undefined, ...more });
    const verified = tokensWith({ rolesClaim }).verify(token);
    if (role !== null) expect((await verified).role).toBe(role);
    else expect(await refusalOf(verified)).toMatchObject({ code: 'FORBIDDEN', reason: 'NO_ROLE' });
  });

  it('without one, oidcDefaultRole', async () => {
    const token = await signed({ ...claims(), roles: undefined });
    expect((await tokensWith({ defaultRole: 'VIEWER' }).verify(token)).role).toBe('VIEWER');
  });
});

it('what a token has opened ends when the token does', async () => {
  const access = new Access({
    ...{ keys: new KeyRing('/nowhere/keys.json'), tokens: tokensWith(), workerKey: 'a worker key' },
    ...{ onProblem: () => undefined, now: () => now },
  });
  const caller = await access.authenticate(await signed(claims()), 'x');
  expect(caller).toMatchObject({ id: `oidc:${provider.issuer}#ada`, role: 'USER', sees: caller.id });
  now = caller.expiresAt!.getTime() - 50;
  const ended = new Promise<MixgateError>((resolve) => access.watch(caller, resolve));
  now += 50;
  expect((await ended).data['reason']).toBe('EXPIRED');
});

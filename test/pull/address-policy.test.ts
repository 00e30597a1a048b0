import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { AddressPolicy, isPublic } from '../../src/models/pull/address-policy.ts';
import { Http } from '../../src/models/pull/http.ts';

describe('isPublic', () => {
  it.each(['8.8.8.8', '2606:4700::1111', '::ffff:8.8.8.8'])('takes %s', (address) => {
    expect(isPublic(address)).toBe(true);
  });

  it.each([
    '127.0.0.1',
    '127.8.9.1',
    '0.0.0.0',
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '192.0.2.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::1',
    '::',
    '::ffff:127.0.0.1',
    '::ffff:10.0.0.1',
    'fe80::1',
    'fc00::1',
    'fd12:3456::1',
    'ff02::1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '::7f00:1',
    '::127.0.0.1',
    'not an address',
  ])('refuses %s', (address) => {
    expect(isPublic(address)).toBe(false);
  });
});

describe('AddressPolicy', () => {
  const policy = new AddressPolicy([]);
  it.each([
    'http://example.com/a.gguf',
    'https://127.0.0.1/a.gguf',
    'https://2130706433/a.gguf',
    'https://0x7f.1/a.gguf',
    'https://[::1]/a.gguf',
    'https://[::ffff:10.0.0.1]/a.gguf',
    'https://169.254.169.254/latest/meta-data',
    'https://user:password@example.com/a.gguf',
    'file:///etc/passwd',
    'ftp://example.com/a.gguf',
  ])('refuses %s', (url) => {
    expect(() => policy.check(new URL(url))).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
  });

  it('takes public addresses over https', () => {
    for (const url of ['https://example.com/a', 'https://8.8.8.8/a']) policy.check(new URL(url));
  });

  it.each([
    [['127.0.0.1:8080'], 'http://127.0.0.1:8080/a', 'http://127.0.0.1:8081/a'],
    [['127.0.0.1'], 'http://127.0.0.1:1/a', 'http://127.0.0.2/a'],
    [['10.0.0.0/8'], 'http://10.9.8.7/a', 'http://11.0.0.1/a'],
    [['mirror.lan'], 'http://mirror.lan:8080/a', 'http://other.lan/a'],
    [['[::1]:8080'], 'http://[::1]:8080/a', 'http://[::1]:9/a'],
    [['*'], 'http://10.0.0.1/a', 'ftp://10.0.0.1/a'],
  ])('with %j takes %s but not %s', (allowed, taken, refused) => {
    const open = new AddressPolicy(allowed);
    open.check(new URL(taken));
    expect(() => open.check(new URL(refused))).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
  });
});

describe('what is connected to', () => {
  const servers: Server[] = [];
  const clients: Http[] = [];
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((http) => http.close()));
    for (const server of servers.splice(0)) server.close();
  });

  async function serve(location?: string) {
    let hits = 0;
    const tokens: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      hits++;
      tokens.push(request.headers.authorization);
      if (location === undefined) response.end('hello');
      else response.writeHead(302, { location }).end();
    });
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { port: (server.address() as AddressInfo).port, hits: () => hits, tokens };
  }

  function client(policy: AddressPolicy, token: { origin: string; value: string } | null = null) {
    const http = new Http({ policy, token, userAgent: 'test', answerMs: 5000 });
    clients.push(http);
    return http;
  }
  const get = (http: Http, url: string) => http.get(new URL(url), {}, AbortSignal.timeout(5000));
  const forbidden = expect.objectContaining({ code: 'FORBIDDEN' }) as Error;

  it('is the very address that was checked: a name that points here is refused', async () => {
    const { port, hits } = await serve();
    const resolved: string[] = [];
    const policy = new AddressPolicy([], async (hostname) => {
      resolved.push(hostname);
      return [{ address: '127.0.0.1', family: 4 }];
    });
    await expect(get(client(policy), `https://rebound.example:${port}/`)).rejects.toThrow(forbidden);
    expect(resolved).toEqual(['rebound.example']);
    expect(hits()).toBe(0);
  });

  it('is not chosen among good and bad ones: one bad address refuses the name', async () => {
    const { port, hits } = await serve();
    const addresses = [
      { address: '93.184.215.14', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ];
    const policy = new AddressPolicy([], async () => addresses);
    await expect(get(client(policy), `https://mixed.example:${port}/`)).rejects.toThrow(forbidden);
    expect(hits()).toBe(0);
  });

  it('may be private only at the port that the configuration names', async () => {
    const { port, hits } = await serve();
    const policy = new AddressPolicy([`internal.example:${port}`], async () => [
      { address: '127.0.0.1', family: 4 },
    ]);
    const http = client(policy);
    (await get(http, `http://internal.example:${port}/`)).body.destroy();
    await expect(get(http, `https://internal.example:${port + 1}/`)).rejects.toThrow(forbidden);
    expect(hits()).toBe(1);
  });

  it('is checked again after every redirect', async () => {
    const inner = await serve();
    const outer = await serve(`http://127.0.0.1:${inner.port}/secret`);
    const only = client(new AddressPolicy([`127.0.0.1:${outer.port}`]));
    await expect(get(only, `http://127.0.0.1:${outer.port}/`)).rejects.toThrow(forbidden);
    expect([outer.hits(), inner.hits()]).toEqual([1, 0]);
    const both = client(new AddressPolicy(['127.0.0.1']));
    const { status, body } = await get(both, `http://127.0.0.1:${outer.port}/`);
    body.destroy();
    expect(status).toBe(200);
  });

  it('is not asked forever', async () => {
    const loop = await serve('/again');
    const http = client(new AddressPolicy(['127.0.0.1']));
    await expect(get(http, `http://127.0.0.1:${loop.port}/`)).rejects.toThrow('redirects more than 10 times');
    expect(loop.hits()).toBe(11);
  });

  it('gets the token only at its own origin', async () => {
    const inner = await serve();
    const outer = await serve(`http://127.0.0.1:${inner.port}/`);
    const token = { origin: `http://127.0.0.1:${outer.port}`, value: 'hf_secret' };
    const http = client(new AddressPolicy(['127.0.0.1']), token);
    (await get(http, `http://127.0.0.1:${outer.port}/`)).body.destroy();
    expect(outer.tokens).toEqual(['Bearer hf_secret']);
    expect(inner.tokens).toEqual([undefined]);
  });
});

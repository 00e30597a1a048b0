import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AddressPolicy } from '../../src/models/pull/address-policy.ts';
import { Http } from '../../src/models/pull/http.ts';
import { HubServer } from '../support/hub-server.ts';

/** A real proxy that tunnels (CONNECT), and says what it was asked for; it resolves every name to this machine. */
async function startProxy() {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer((_request, response) => void response.writeHead(501).end());
  server.on('connect', (request, client: Socket) => {
    asked.push(request.url ?? '');
    const target = connect(Number(request.url?.split(':').at(-1)), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      client.pipe(target).pipe(client);
    });
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = () => {
    sockets.forEach((socket) => socket.destroy());
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, stop };
}

const VARIABLES = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];
let hub: HubServer;
let proxy: Awaited<ReturnType<typeof startProxy>>;
let http: Http;
beforeEach(async () => {
  hub = await HubServer.start({ 'a.gguf': Buffer.from('hello') });
  proxy = await startProxy();
  process.env['HTTP_PROXY'] = proxy.url;
});
afterEach(async () => {
  for (const name of VARIABLES) delete process.env[name];
  await http.close();
  proxy.stop();
  await hub.stop();
});

const client = (allowed: string[]) =>
  (http = new Http({ policy: new AddressPolicy(allowed), token: null, userAgent: 'test', answerMs: 3000 }));
const get = async (url: string) => {
  const { status, body } = await http.get(new URL(url), {}, AbortSignal.timeout(5000));
  body.destroy();
  return status;
};

describe('a proxy of the environment', () => {
  it('carries every request, also to names that only it can resolve', async () => {
    client(['mirror.internal']);
    expect(await get(`http://mirror.internal:${hub.port}/plain/a.gguf`)).toBe(200);
    expect(proxy.asked).toEqual([`mirror.internal:${hub.port}`]);
  });

  it('is not used for hosts that NO_PROXY names', async () => {
    process.env['NO_PROXY'] = '127.0.0.1';
    client(['127.0.0.1']);
    expect(await get(`${hub.url}/plain/a.gguf`)).toBe(200);
    expect(proxy.asked).toEqual([]);
  });

  it('is not asked for addresses that may not be reached', async () => {
    client([]);
    await expect(get('https://169.254.169.254/latest')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(proxy.asked).toEqual([]);
  });
});

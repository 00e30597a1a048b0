import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import WebSocket from 'ws';
import { GENERATE, DEMO, startGateway, type TestGateway } from '../support/gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway(['--log-level', 'debug', '--log-format', 'json']);
});
afterAll(() => gateway.stop());

it('tells a client that goes in mid-answer at debug, and goes on', async () => {
  const socket = new WebSocket(gateway.url.replace('http', 'ws'), 'graphql-transport-ws');
  await once(socket, 'open');
  const input = { model: DEMO, prompt: { text: 'Once upon a time' }, maxTokens: 200 };
  const subscribe = { id: '1', type: 'subscribe', payload: { query: GENERATE, variables: { input } } };
  const untilAnswer = new Promise<void>((resolve) => {
    socket.on('message', (message: Buffer) => {
      const text = message.toString();
      if (text.includes('connection_ack')) socket.send(JSON.stringify(subscribe));
      if (text.includes('TokenChunk')) resolve();
    });
  });
  socket.send(JSON.stringify({ type: 'connection_init' }));
  await untilAnswer;
  // As when the machine at the other end is gone: what is sent from now on meets a reset.
  (socket as unknown as { _socket: { resetAndDestroy(): void } })._socket.resetAndDestroy();
  await expect.poll(() => gateway.stderr(), { timeout: 15_000 }).toContain('"event":"socket.lost"');
  expect(gateway.stderr()).toContain('"level":20');
  expect(gateway.stderr()).not.toContain('Internal error');
  const { data } = await gateway.query<{ version: string }>('{ version }');
  expect(data.version).not.toBe('');
});

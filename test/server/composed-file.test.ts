import { randomUUID } from 'node:crypto';
import { readdirSync, readlinkSync, rmSync, truncateSync } from 'node:fs';
import { request } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { servePages } from '../../src/server/pages.ts';
import { PublishedWeights, weightsRoute } from '../../src/server/published-weights.ts';
import { writeFile } from '../support/gguf-writer.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const bytesFrom = (length: number, step: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, index) => (index * step) % 251));

let app: FastifyInstance;
let weights: PublishedWeights;
let whole: Buffer;
let source: string;
let other: string;
let url: string;
/** The server's ends of what is connected. */
const connections = new Set<Socket>();

beforeEach(async () => {
  weights = new PublishedWeights('a secret');
  const content = bytesFrom(1_000_000, 7);
  source = writeFile(folder(), 'source.bin', content);
  other = writeFile(folder(), 'other.bin', bytesFrom(1000, 3));
  const head = bytesFrom(100, 11);
  const segments = [
    head,
    { path: source, start: 10, end: 900_010 },
    Buffer.from('padding'),
    { path: other, start: 0, end: 1000 },
    { path: source, start: 0, end: 1 },
  ];
  whole = Buffer.concat([
    head,
    content.subarray(10, 900_010),
    Buffer.from('padding'),
    bytesFrom(1000, 3),
    content.subarray(0, 1),
  ]);
  app = fastify({ forceCloseConnections: true });
  await servePages(app, folder(), null);
  weightsRoute(app, weights);
  connections.clear();
  app.server.on('connection', (socket) => connections.add(socket));
  await app.listen({ host: '127.0.0.1', port: 0 });
  url = publish(segments);
});
afterEach(() => app.close());

const port = (): number => (app.server.address() as AddressInfo).port;
function publish(segments: readonly (Buffer | { path: string; start: number; end: number })[]): string {
  const sizeBytes = segments.reduce(
    (sum, each) => sum + ('path' in each ? each.end - each.start : each.length),
    0,
  );
  const [file] = weights.publish([{ name: 'part of it.gguf', sizeBytes, segments }], randomUUID()).files;
  return `http://127.0.0.1:${port()}${file!.url}`;
}

/** By node:http, which shows the headers as they are. */
const get = (headers: Record<string, string> = {}, method = 'GET') =>
  new Promise<{ status: number; headers: Record<string, unknown>; body: Buffer }>((resolve, reject) => {
    const sent = request(url, { headers, method }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    sent.on('error', reject).end();
  });

const isOpen = (file: string): boolean =>
  readdirSync('/proc/self/fd').some((each) => {
    try {
      return readlinkSync(`/proc/self/fd/${each}`) === file;
    } catch {
      return false;
    }
  });
async function untilClosed(file: string): Promise<void> {
  while (isOpen(file)) await new Promise((resolve) => setImmediate(resolve));
}

describe('a composed file', () => {
  it('is served whole, with its length', async () => {
    const { status, headers, body } = await get();
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'accept-ranges': 'bytes',
      'cache-control': 'private, max-age=31536000, immutable',
      'content-length': String(whole.length),
      'content-type': 'application/octet-stream',
    });
    expect(headers['content-range']).toBeUndefined();
    expect(body.equals(whole)).toBe(true);
    await untilClosed(source);
  });

  it('is told of by HEAD without a byte being read', async () => {
    rmSync(source);
    const head = await get({}, 'HEAD');
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([
      200,
      String(whole.length),
      0,
    ]);
    const part = await get({ range: 'bytes=5-9' }, 'HEAD');
    expect([part.status, part.headers['content-length']]).toEqual([206, '5']);
  });

  it('gives any range of its bytes', async () => {
    const place = fc.oneof(
      fc.nat({ max: whole.length - 1 }),
      fc.constantFrom(0, 99, 100, 900_099, 900_100, 900_107),
    );
    await fc.assert(
      fc.asyncProperty(place, place, fc.constantFrom('both', 'open', 'suffix'), async (one, two, kind) => {
        const [start, end] = one <= two ? [one, two] : [two, one];
        const [range, from, to] = {
          both: [`${start}-${end}`, start, end] as const,
          open: [`${start}-`, start, whole.length - 1] as const,
          suffix: [`-${start + 1}`, whole.length - start - 1, whole.length - 1] as const,
        }[kind as 'both'];
        const { status, headers, body } = await get({ range: `bytes=${range}` });
        expect(status).toBe(206);
        expect(headers).toMatchObject({
          'content-length': String(to - from + 1),
          'content-range': `bytes ${from}-${to}/${whole.length}`,
        });
        expect(body.equals(whole.subarray(from, to + 1))).toBe(true);
      }),
      { numRuns: 60 },
    );
    await untilClosed(source);
  });

  it('cuts a range that goes beyond its end', async () => {
    const { status, body } = await get({ range: `bytes=${whole.length - 3}-${whole.length + 100}` });
    expect([status, body]).toEqual([206, whole.subarray(-3)]);
  });

  it.each([
    ['starts at its end', () => `bytes=${whole.length}-`],
    ['starts beyond it', () => `bytes=${whole.length + 5}-${whole.length + 9}`],
    ['is its last 0 bytes', () => 'bytes=-0'],
  ])('refuses a range that %s', async (_what, range) => {
    const { status, headers, body } = await get({ range: range() });
    expect([status, body.length]).toEqual([416, 0]);
    expect(headers).toMatchObject({ 'content-range': `bytes */${whole.length}`, 'content-length': '0' });
  });

  it.each([
    ['of another unit', { range: 'lines=0-3' }],
    ['that is none', { range: 'bytes=x-y' }],
    ['of several', { range: 'bytes=0-3,10-12' }],
    ['on a condition that nothing fulfils', { 'range': 'bytes=0-3', 'if-range': '"tag"' }],
  ])('ignores a range %s', async (_what, headers) => {
    const { status, body } = await get(headers);
    expect([status, body.length]).toEqual([200, whole.length]);
  });

  it('is read no faster than it is taken, and its file is closed when the client goes', async () => {
    const many = Array.from({ length: 300 }, () => ({ path: source, start: 0, end: 1_000_000 }));
    url = publish([Buffer.from('head'), ...many]);
    const socket = connect(port(), '127.0.0.1');
    socket.write(`GET ${new URL(url).pathname} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
    await new Promise((resolve) => socket.once('readable', resolve));
    // Nothing is read any more: it fills the sockets' buffers and waits.
    const sent = () => [...connections].reduce((sum, each) => sum + each.bytesWritten, 0);
    for (let before = -1; before !== sent();) {
      before = sent();
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(sent()).toBeLessThan(50e6);
    expect(isOpen(source)).toBe(true);
    socket.destroy();
    await untilClosed(source);
  });

  it('ends before its length where its file has become shorter', async () => {
    truncateSync(source, 500_000);
    await expect(get()).rejects.toThrow('aborted');
    await untilClosed(source);
  });

  it('fails where its file is gone, and is not found where it is withdrawn', async () => {
    const gone = weights.publish(
      [{ name: 'gone', sizeBytes: 4, segments: [{ path: `${source}.gone`, start: 0, end: 4 }] }],
      'gone',
    );
    url = `http://127.0.0.1:${port()}${gone.files[0]!.url}`;
    expect((await get()).status).toBe(500);
    gone.withdraw();
    expect((await get()).status).toBe(404);
  });
});

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';

const BUILT = path.resolve(import.meta.dirname, '../../dist/dashboard');
const FIRST_LOAD_BYTES = 250_000;

/** What the first page loads before it can be used: scripts, and modules that are loaded ahead. */
const firstScripts = (html: string): string[] =>
  [...html.matchAll(/<(?:script|link)\b[^>]*(?:src|href)="(?<name>[^"]+\.js)"/g)].map(
    ({ groups }) => groups!['name']!,
  );

describe('the dashboard as it is served', () => {
  let gateway: TestGateway;
  let html: string;
  const get = (where: string, init: RequestInit = {}) => fetch(new URL(where, gateway.url), init);

  beforeAll(async () => {
    gateway = await startGateway();
    html = await (await get('/')).text();
  });
  afterAll(() => gateway.stop());

  it('loads less than 250 kB of compressed script first', () => {
    const scripts = firstScripts(html);
    expect(scripts.length).toBeGreaterThan(0);
    const sizes = scripts.map((name) => gzipSync(readFileSync(path.join(BUILT, name))).length);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(FIRST_LOAD_BYTES);
  });

  it.each([
    '/',
    '/compare',
    '/compare/some-id',
    '/history',
    '/history/some-id',
    '/devices',
    '/models',
    '/lend',
    '/api',
    '/devices?x=1',
  ])('has a page at %s', async (where) => {
    const page = await get(where);
    expect(page.status).toBe(200);
    expect(await page.text()).toBe(html);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('cache-control')).toBe('no-cache');
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    const policy = page.headers.get('content-security-policy')!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
  });

  it('has its assets for a year, named by what is in them', async () => {
    for (const name of firstScripts(html)) {
      const asset = await get(name);
      expect(asset.status).toBe(200);
      expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
      expect(asset.headers.get('content-type')).toContain('javascript');
      expect(name).toMatch(/^\/assets\/.+-[\w-]{8}\.js$/);
    }
  });

  it.each([
    '/nothing',
    '/devices/nothing',
    '/compare/some-id/nothing',
    '/assets/nothing.js',
    '/assets/..%2findex.html',
  ])('has nothing at %s', async (where) => {
    expect((await get(where)).status).toBe(404);
  });

  it('lets the worker be framed by nobody else', async () => {
    const policy = (await get('/worker/')).headers.get('content-security-policy');
    expect(policy).toContain("frame-ancestors 'self'");
  });
});

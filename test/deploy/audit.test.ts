import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const ADVISORY = { id: 1, url: 'https://example.org/1', title: 'A hole', vulnerable_versions: '*' };

/** npm itself, at another registry. */
const folder = temporaryFolder();
const audit = (registry: string) =>
  new Promise<{ code: number; output: string }>((resolve) => {
    // npm keeps what it has heard of an advisory.
    const fresh = `--cache=${folder()}`;
    const args = ['--import', 'tsx', 'tools/audit/main.ts', `--registry=${registry}`, fresh];
    execFile(process.execPath, args, { cwd: ROOT }, (error, output) =>
      resolve({ code: Number(error?.code ?? 0), output }),
    );
  });

describe('the audit of dependencies', () => {
  let close = () => undefined as unknown;
  afterEach(() => close());

  const registry = async (status: number, advisories: object) => {
    const server = createServer((request, response) => {
      request.resume();
      const isAsked = request.url === '/-/npm/v1/security/advisories/bulk';
      response.writeHead(isAsked ? status : 404, { 'content-type': 'application/json' });
      response.end(JSON.stringify(isAsked ? advisories : {}));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    close = () => server.close();
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };

  it.each([
    ['critical', 1],
    ['high', 1],
    ['moderate', 0],
  ])('of a %s hole in what is installed exits with %i', async (severity, code) => {
    const answer = await audit(await registry(200, { fastify: [{ ...ADVISORY, severity }] }));
    expect(answer.code).toBe(code);
    expect(answer.output).toContain(`${severity}: fastify`);
  });

  it('passes where nothing is known, and looks at no development dependency', async () => {
    const answer = await audit(await registry(200, { vitest: [{ ...ADVISORY, severity: 'critical' }] }));
    expect(answer).toMatchObject({ code: 0, output: expect.stringContaining('0 vulnerable') as string });
  });

  it('says so where the registry cannot be asked', async () => {
    for (const url of [await registry(405, {}), `http://127.0.0.1:${await freePort()}`]) {
      const answer = await audit(url);
      expect(answer).toMatchObject({ code: 0, output: expect.stringMatching(/^NOT AUDITED: /) as string });
    }
  });
});

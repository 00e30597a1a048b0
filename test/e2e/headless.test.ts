import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Role } from '../../src/access/caller.ts';
import { addKey, keyFileOf, revokeKey } from '../../src/access/key-file.ts';
import { ask } from '../support/asking.ts';
import { CHROMIUM, noBrowser, WORKER_KEY } from '../support/browser.ts';
import { DEMO, GENERATE, MAIN, startGateway, textOf, UNICORN, type TestGateway } from '../support/gateway.ts';
import { processesWith } from '../support/processes.ts';
import { lastingFolder, temporaryFolder } from '../support/temporary-folder.ts';

const ENVIRONMENT = { MIXGATE_WORKER_KEY: WORKER_KEY, MIXGATE_CHROMIUM: CHROMIUM };
/** A page that is killed without a goodbye is known to be gone after that; one that lives shows itself every 5 s. */
const LEASE = ['--worker-lease-ms', '10000'];
const SOON = { timeout: 30_000, interval: 100 };

/** A process of ours with what it logs. */
interface Logged {
  readonly process: ChildProcess;
  stderr(): string;
}
interface Entry {
  readonly event?: string;
  readonly pid?: number;
  readonly reason?: string;
  readonly text?: string;
}
const logged = (from: Logged, event: string): Entry[] =>
  from
    .stderr()
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as Entry)
    .filter((entry) => entry.event === event);
/** The Chromium of a process of ours, all its processes. */
const chromiumOf = ({ process: { pid } }: Logged): number[] => processesWith(`mixgate-headless-${pid}-`);

const children: ChildProcess[] = [];
function worker(...flags: string[]): Logged & { stdout(): string } {
  const child = spawn(process.execPath, [MAIN, 'worker', ...flags], {
    env: { ...process.env, ...ENVIRONMENT, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (text: Buffer) => (stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
  return { process: child, stdout: () => stdout, stderr: () => stderr };
}
async function exitOf({ process: child }: Logged): Promise<number | null> {
  if (child.exitCode === null) await once(child, 'exit');
  return child.exitCode;
}
afterEach(() => children.splice(0).forEach((child) => child.kill('SIGKILL')));

const browsersOf = async (gateway: TestGateway): Promise<string[]> => {
  const { data } = await gateway.query<{
    backends: { id: string; devices: { name: string; kind: string }[] }[];
  }>('{ backends { id devices { name kind } } }');
  const { devices } = data.backends.find(({ id }) => id === 'webgpu')!;
  // Each tab has one CPU; what it has of a GPU is of no matter here.
  return devices.flatMap(({ name, kind }) => (kind === 'CPU' ? name : []));
};
const answerOf = async (gateway: TestGateway): Promise<string> => {
  const prompt = { messages: [{ role: 'USER', content: UNICORN }] };
  const sampling = { temperature: 0 };
  const input = { model: DEMO, quantization: 'Q8_0', backend: 'webgpu', prompt, sampling, maxTokens: 8 };
  const events = await gateway.subscribe<'generate'>(GENERATE, { input });
  const { __typename, error } = events.at(-1)!.generate;
  expect({ __typename, error }).toEqual({ __typename: 'GenerationCompleted' });
  return textOf(events.map(({ generate }) => generate));
};

describe.skipIf(noBrowser !== null)('mixgate worker --headless', () => {
  let gateway: TestGateway;
  beforeEach(async () => {
    gateway = await startGateway(LEASE, ENVIRONMENT);
  });
  afterEach(() => gateway.stop('SIGKILL'));
  const lend = async (...flags: string[]) => {
    const lent = worker('--headless', '--gateway', gateway.url, ...flags);
    await expect.poll(() => browsersOf(gateway), SOON).toHaveLength(1);
    return lent;
  };

  it('lends a device that answers; SIGTERM takes it back with a goodbye, and leaves nothing', async () => {
    const lent = await lend('--name', 'cellar & attic', '--memory', '3');
    expect(await browsersOf(gateway)).toEqual([expect.stringContaining('(cellar & attic)')]);
    expect(await answerOf(gateway)).not.toBe('');
    expect(chromiumOf(lent)).not.toEqual([]);

    lent.process.kill('SIGTERM');
    expect(await exitOf(lent)).toBe(0);
    // Long before its lease is over.
    await expect.poll(() => browsersOf(gateway), { timeout: 4000 }).toEqual([]);
    expect(logged(gateway, 'worker.gone')[0]!.reason).toContain('closed');
    await expect.poll(() => chromiumOf(lent)).toEqual([]);
    expect(lent.stderr()).not.toContain(WORKER_KEY);
  });

  it('comes back by itself when Chromium is killed', async () => {
    const lent = await lend();
    await expect.poll(() => logged(lent, 'headless.started'), SOON).toHaveLength(1);
    process.kill(logged(lent, 'headless.started')[0]!.pid!, 'SIGKILL');
    await expect.poll(() => logged(gateway, 'worker.came'), SOON).toHaveLength(2);
    await expect.poll(() => browsersOf(gateway), SOON).toHaveLength(1);
    expect(await answerOf(gateway)).not.toBe('');
    expect(logged(lent, 'headless.ended')[0]!.reason).toBe('Chromium exited');
  });

  it('leaves nothing when it is killed itself', async () => {
    const lent = await lend();
    lent.process.kill('SIGKILL');
    await expect.poll(() => chromiumOf(lent), SOON).toEqual([]);
    await expect.poll(() => browsersOf(gateway), SOON).toEqual([]);
  });

  it('starts again when the page has lost its GPU', async () => {
    let opened = 0;
    const page = createServer((_request, response) => {
      opened++;
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html data-gpu="lost">');
    });
    await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve));
    const lent = worker(
      '--headless',
      '--gateway',
      `http://127.0.0.1:${(page.address() as AddressInfo).port}`,
    );
    await expect.poll(() => logged(lent, 'headless.started'), SOON).toHaveLength(2);
    expect(opened).toBeGreaterThanOrEqual(2);
    expect(logged(lent, 'headless.ended')[0]!.reason).toBe('the page lost its GPU');
    page.closeAllConnections();
    page.close();
  });

  it('tells in its log what the page would tell a person', async () => {
    const lent = worker('--headless', '--gateway', gateway.url, '--key', 'not-the-right-key');
    await expect
      .poll(() => logged(lent, 'headless.status').map(({ text }) => text), SOON)
      .toContainEqual(expect.stringContaining('The worker key is not right'));
    lent.process.kill('SIGINT');
    expect(await exitOf(lent)).toBe(0);
  });

  it('says which Chromium is missing, and what to do', async () => {
    const lent = worker('--headless', '--gateway', gateway.url, '--chromium', '/nowhere/chromium');
    expect(await exitOf(lent)).toBe(1);
    expect(lent.stderr()).toMatch(/^BACKEND_UNAVAILABLE \/nowhere\/chromium .*install/);
  });
});

describe('mixgate worker', () => {
  let dataDir = '';
  beforeEach(() => {
    dataDir = mkdtempSync(path.join(os.tmpdir(), 'mixgate-test-'));
  });
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

  it('prints the link of the gateway that runs on the data folder', async () => {
    const gateway = await startGateway(['--data-dir', dataDir], ENVIRONMENT);
    const lent = worker('--data-dir', dataDir, '--name', 'my laptop');
    expect(await exitOf(lent)).toBe(0);
    const { origin } = new URL(gateway.url);
    expect(lent.stdout()).toBe(`${origin}/worker/#key=${WORKER_KEY}&name=my%20laptop\n`);
    await gateway.stop();
  });

  it.each([
    ['BACKEND_UNAVAILABLE', 'mixgate serve', []],
    ['INVALID_INPUT', '--gateway: must be like http', ['--gateway', 'localhost:4000']],
    ['INVALID_INPUT', '--memory', ['--gateway', 'http://localhost:4000', '--memory', 'much']],
    ['INVALID_INPUT', 'workerKey', ['--gateway', 'http://localhost:4000', '--key', 'short']],
  ])('ends with %s and says %s', async (code, says, flags) => {
    const lent = worker('--data-dir', dataDir, ...flags);
    expect(await exitOf(lent)).toBe(1);
    expect(lent.stderr()).toContain(code);
    expect(lent.stderr()).toContain(says);
  });
});

describe.skipIf(noBrowser !== null)('where callers have keys', () => {
  const folder = lastingFolder();
  const keyOf = async (name: string, role: Role) =>
    (await addKey(keyFileOf(folder()), { name, role, expiresAt: null }, Date.now())).text;

  it("the gateway's own browser lends itself, and one with an API key until that is revoked", async () => {
    const [viewer, lender] = [await keyOf('viewer', 'VIEWER'), await keyOf('lender', 'WORKER')];
    const flags = [...LEASE, '--webgpu-headless', '--data-dir', folder()];
    const gateway = await startGateway(flags, { MIXGATE_CHROMIUM: CHROMIUM });
    const browsers = async () => {
      const answer = await ask(gateway.url, '{ devices { name kind backend { id } } }', viewer);
      const { data } = (await answer.json()) as {
        data: { devices: { name: string; kind: string; backend: { id: string } }[] };
      };
      return data.devices.filter(({ backend, kind }) => backend.id === 'webgpu' && kind === 'CPU').length;
    };
    try {
      await expect.poll(browsers, SOON).toBe(1);
      const child = spawn(
        process.execPath,
        [MAIN, 'worker', '--headless', '--gateway', gateway.url, '--api-key', lender],
        { env: { ...process.env, MIXGATE_CHROMIUM: CHROMIUM }, stdio: 'ignore' },
      );
      children.push(child);
      await expect.poll(browsers, SOON).toBe(2);
      await revokeKey(keyFileOf(folder()), 'lender', Date.now());
      await expect.poll(browsers, { ...SOON, timeout: 40_000 }).toBe(1);
      child.kill('SIGTERM');
      await once(child, 'exit');
    } finally {
      await gateway.stop();
    }
  });
});

describe.skipIf(noBrowser !== null)('mixgate serve --webgpu-headless', () => {
  const folder = temporaryFolder();
  it('brings a browser up when its configuration says so, and takes it down at the end', async () => {
    const file = path.join(folder(), 'mixgate.yaml');
    writeFileSync(file, 'webgpu: { headless: false }\n');
    const gateway = await startGateway(['--config', file], ENVIRONMENT);
    expect(await browsersOf(gateway)).toEqual([]);
    writeFileSync(file, 'webgpu: { headless: true }\n');
    gateway.process.kill('SIGHUP');
    await expect.poll(() => browsersOf(gateway), SOON).toEqual([expect.stringContaining('(headless)')]);
    expect(await answerOf(gateway)).not.toBe('');
    expect(await gateway.stop()).toBe(0);
    await expect.poll(() => chromiumOf(gateway)).toEqual([]);
    expect(logged(gateway, 'headless.ended').map(({ reason }) => reason)).toEqual(['stopped']);
  });

  it('leaves nothing when it is killed', async () => {
    const gateway = await startGateway(['--webgpu-headless'], ENVIRONMENT);
    await expect.poll(() => browsersOf(gateway), SOON).toHaveLength(1);
    await gateway.stop('SIGKILL');
    await expect.poll(() => chromiumOf(gateway), SOON).toEqual([]);
  });

  it('goes on without Chromium, and says so', async () => {
    const flags = ['--webgpu-headless', '--chromium', '/nowhere/chromium'];
    const gateway = await startGateway(flags, ENVIRONMENT);
    await expect.poll(() => gateway.stderr()).toContain('No browser without a window');
    expect(logged(gateway, 'headless.unavailable')[0]!.reason).toContain('/nowhere/chromium');
    expect((await gateway.query<{ models: unknown[] }>('{ models { id } }')).data.models).toHaveLength(1);
    expect(await gateway.stop()).toBe(0);
  });
});

/** `npm run check:package`: what `npm pack` makes, installed into an empty folder, works as README says. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { DEMO, GENERATE, post } from '../../test/support/gateway.ts';
import { startBrowser, workerPage, WORKER_KEY } from '../../test/support/browser.ts';
import { openDashboard, send, untilStage } from '../../test/support/dashboard.ts';
import { Installed } from './installed.ts';
import { problemsOf, type Packed } from './package-files.ts';

const exec = promisify(execFile);
const ROOT = path.resolve(import.meta.dirname, '../..');
const LENT_MS = 30_000;
const POLL_MS = 250;

const started = performance.now();
const say = (progress: string): void => {
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stderr.write(`${seconds.padStart(6)} s  ${progress}\n`);
};

async function pack(folder: string): Promise<Packed> {
  const { stdout } = await exec('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: ROOT,
    maxBuffer: 16 * 2 ** 20,
  });
  const [packed] = JSON.parse(stdout) as [Packed];
  say(`packed: ${packed.files.length} files, ${(packed.size / 2 ** 20).toFixed(1)} MiB`);
  return packed;
}

async function checkCommands(installed: Installed): Promise<void> {
  const { version } = JSON.parse(await readFile(path.join(ROOT, 'package.json'), 'utf8')) as Packed & {
    version: string;
  };
  assert.equal((await installed.npx('--version')).trim(), version);
  assert.match(await installed.npx('plan', '--vram', '16GiB'), /Q6_K on hypothetical, 3 of 3 layers/);
  assert.match(await installed.npx('doctor', '--gpu', 'off'), /planned/i);
  const schema = await readFile(path.join(ROOT, 'schema/schema.graphql'), 'utf8');
  assert.equal(await installed.npx('schema'), schema);
  say('mixgate --version, plan, doctor and schema');
}

async function checkGateway(installed: Installed): Promise<void> {
  const gateway = await installed.serve('--worker-key', WORKER_KEY);
  try {
    await checkStream(gateway.url);
    await checkPages(gateway.url);
  } finally {
    assert.equal(await gateway.stop(), 0);
  }
  say('SIGTERM ends it with 0');
}

async function checkStream(url: string): Promise<void> {
  const prompt = { messages: [{ role: 'USER', content: 'Hello' }] };
  const variables = { input: { model: DEMO, prompt, maxTokens: 8 } };
  const response = await fetch(`${url}/stream`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'accept': 'text/event-stream' },
    body: JSON.stringify({ query: GENERATE, variables }),
  });
  const events = await response.text();
  assert.match(events, /"__typename":"TokenChunk"/);
  assert.match(events, /"__typename":"GenerationCompleted"/);
  say('a generation streams');
}

/** In a real browser: the dashboard answers, and the worker page lends the browser. */
async function checkPages(url: string): Promise<void> {
  const { origin } = new URL(url);
  const browser = await startBrowser();
  try {
    const { page, problems } = await openDashboard(browser, origin);
    await send(page, 'Hello');
    await untilStage(page);
    assert.deepEqual(problems, []);
    say('the dashboard answers');
    const worker = await browser.newPage();
    await worker.goto(workerPage(origin));
    await lent(url);
    say('the worker page lends its browser');
  } finally {
    await browser.close();
  }
}

async function lent(url: string): Promise<void> {
  const end = Date.now() + LENT_MS;
  for (;;) {
    const { data } = await post<{ devices: { backend: { id: string } }[] }>(url, {
      query: '{ devices { backend { id } } }',
    });
    if (data.devices.some(({ backend }) => backend.id === 'webgpu')) return;
    if (Date.now() > end) throw new Error(`No browser was lent within ${LENT_MS / 1000} s.`);
    await delay(POLL_MS);
  }
}

const folder = await mkdtemp(path.join(os.tmpdir(), 'mixgate-package-'));
try {
  const packed = await pack(folder);
  const installed = await Installed.install(path.join(folder, packed.filename), path.join(folder, 'empty'));
  say('installed into an empty folder');
  assert.deepEqual(await problemsOf(packed, installed.packageFolder), []);
  await checkCommands(installed);
  await checkGateway(installed);
} finally {
  await rm(folder, { recursive: true, force: true });
}

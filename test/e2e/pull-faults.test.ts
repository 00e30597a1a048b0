import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAIN, startGateway, type TestGateway } from '../support/gateway.ts';
import { HubServer } from '../support/hub-server.ts';
import {
  followPull,
  HUB_MODEL,
  hubModel,
  ofHub,
  pulled,
  pullOf,
  startPull,
  variantIds,
} from '../support/pulling.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const data = temporaryFolder();
let hub: HubServer;
let gateway: TestGateway;
beforeEach(async () => {
  hub = await HubServer.start({ 'tiny.Q4_K_M.gguf': hubModel('Q4_K_M'), 'tiny.Q8_0.gguf': hubModel('Q8_0') });
});
afterEach(async () => {
  await gateway.stop('SIGKILL');
  await hub.stop();
});

const environment = () => ({ MIXGATE_HF_ENDPOINT: hub.url, MIXGATE_PULL_SEGMENT: '256KiB' });
const start = async (flags: string[] = [], extra: NodeJS.ProcessEnv = {}, launcher: string[] = []) => {
  gateway = await startGateway(['--data-dir', data(), ...flags], { ...environment(), ...extra }, launcher);
  return gateway;
};

const target = (quantization: string) => path.join(data(), `models/demo/tiny/tiny.${quantization}.gguf`);
const isWhole = (quantization: string) =>
  readFileSync(target(quantization)).equals(hub.files.get(`tiny.${quantization}.gguf`)!);
const pullsFolder = () => path.join(data(), 'models', '.pulls');
const leftovers = () => (existsSync(pullsFolder()) ? readdirSync(pullsFolder()) : []);

async function untilReceived(id: string, bytes: number): Promise<void> {
  while (((await pullOf(gateway, id))?.receivedBytes ?? 0) < bytes) await delay(10);
}

/** On the same data folder, in a process of its own; resolves when it has begun. */
async function pullElsewhere(source: string) {
  const args = [MAIN, 'pull', source, '--data-dir', data(), '--json'];
  const ended = promisify(execFile)(process.execPath, args, { env: { ...process.env, ...environment() } });
  while (leftovers().length === 0) await delay(10);
  return { ended };
}

describe('a pull', () => {
  it('goes on after kill -9 at any point, and never shows half a file', async () => {
    hub.faults = { pauseMs: 4 };
    await start();
    const { id } = await startPull(gateway, 'hf:demo/tiny:Q4_K_M,Q8_0');
    // A fixed walk over the length of the pull, so that a failure can be repeated.
    for (const ms of [30, 700, 150, 1500, 400, 60]) {
      await delay(ms);
      await gateway.stop('SIGKILL');
      for (const quantization of ['Q4_K_M', 'Q8_0'])
        if (existsSync(target(quantization))) expect(isWhole(quantization)).toBe(true);
      await start();
      for (const variant of ofHub(await variantIds(gateway)))
        expect(isWhole(variant.split(':')[1]!)).toBe(true);
    }
    hub.faults = {};
    const last = (await pullOf(gateway, id)) === null ? null : (await followPull(gateway, id)).at(-1)!;
    expect(last?.state ?? 'COMPLETED').toBe('COMPLETED');
    expect(isWhole('Q4_K_M') && isWhole('Q8_0')).toBe(true);
    expect(ofHub(await variantIds(gateway))).toEqual([`${HUB_MODEL}:Q4_K_M`, `${HUB_MODEL}:Q8_0`]);
    expect(leftovers()).toEqual([]);
  });

  it('is kept by SIGTERM and goes on by itself at the next start, without fetching again what it has', async () => {
    hub.faults = { pauseMs: 20 };
    await start();
    const { id } = await startPull(gateway, 'hf:demo/tiny:Q8_0');
    await untilReceived(id, 1_000_000);
    expect(await gateway.stop()).toBe(0);
    hub.faults = {};
    hub.requests.length = 0;
    await start();
    const last = (await followPull(gateway, id)).at(-1)!;
    expect(last.state).toBe('COMPLETED');
    expect(isWhole('Q8_0')).toBe(true);
    const fetched = hub
      .rangesOf('tiny.Q8_0.gguf')
      .map((range) => /(\d+)-(\d+)/.exec(range)!.slice(1).map(Number))
      // Headers are read again, in pieces of a MiB from the start.
      .filter(([from]) => from !== 0)
      .reduce((sum, [from, to]) => sum + to! - from! + 1, 0);
    expect(fetched).toBeLessThanOrEqual(hub.files.get('tiny.Q8_0.gguf')!.length - 900_000);
  });

  it('that is cancelled stops, leaves nothing on the disk, and can be started anew', async () => {
    hub.faults = { pauseMs: 20 };
    await start();
    const { id } = await startPull(gateway, 'hf:demo/tiny:Q8_0');
    const following = followPull(gateway, id);
    await untilReceived(id, 100_000);
    const { data: answer } = await gateway.query<{ cancelModelPull: { state: string } }>(
      'mutation ($id: ID!) { cancelModelPull(id: $id) { state } }',
      { id },
    );
    expect(answer.cancelModelPull.state).toBe('CANCELLED');
    expect((await following).at(-1)!.state).toBe('CANCELLED');
    expect(leftovers()).toEqual([]);
    expect(ofHub(await variantIds(gateway))).toEqual([]);
    hub.faults = {};
    expect(await pulled(gateway, 'hf:demo/tiny:Q8_0')).toMatchObject({ id, state: 'COMPLETED' });
  });

  it('waits in line, and can be cancelled there', async () => {
    hub.faults = { pauseMs: 20 };
    await start(['--pulls-at-once', '1']);
    const first = await startPull(gateway, 'hf:demo/tiny:Q8_0');
    const second = await startPull(gateway, 'hf:demo/tiny:Q4_K_M');
    await untilReceived(first.id, 100_000);
    expect((await pullOf(gateway, second.id))!.state).toBe('QUEUED');
    // The same source is the same pull.
    expect((await startPull(gateway, 'hf:demo/tiny:q8_0')).id).toBe(first.id);
    const cancel = async (id: string) =>
      (
        await gateway.query<{ cancelModelPull: { state: string } }>(
          'mutation ($id: ID!) { cancelModelPull(id: $id) { state } }',
          { id },
        )
      ).data.cancelModelPull.state;
    const following = followPull(gateway, second.id);
    expect(await cancel(second.id)).toBe('CANCELLED');
    expect((await following).at(-1)!.state).toBe('CANCELLED');
    expect((await pullOf(gateway, first.id))!.state).toBe('DOWNLOADING');
    // It can be started again at once.
    expect((await startPull(gateway, 'hf:demo/tiny:Q4_K_M')).state).toBe('QUEUED');
    hub.faults = {};
    expect((await followPull(gateway, second.id)).at(-1)!.state).toBe('COMPLETED');
  });

  it('that only waits in line survives kill -9 as well', async () => {
    hub.faults = { pauseMs: 20 };
    await start(['--pulls-at-once', '1']);
    const first = await startPull(gateway, 'hf:demo/tiny:Q8_0');
    const second = await startPull(gateway, 'hf:demo/tiny:Q4_K_M');
    await gateway.stop('SIGKILL');
    hub.faults = {};
    await start();
    for (const { id } of [first, second])
      expect((await followPull(gateway, id)).at(-1)!.state).toBe('COMPLETED');
    expect(isWhole('Q4_K_M') && isWhole('Q8_0')).toBe(true);
  });

  it('fails with DISK_FULL when no more can be written, and goes on when it can', async () => {
    // No file may be longer than 2 MiB: what writing on says is the file system's own error.
    const NODE_OPTIONS = `--import data:text/javascript,process.on('SIGXFSZ',()=>{})`;
    await start([], { NODE_OPTIONS }, ['bash', '-c', 'ulimit -f 2048; exec "$0" "$@"']);
    const { id } = await startPull(gateway, 'hf:demo/tiny:Q8_0');
    const last = (await followPull(gateway, id)).at(-1)!;
    expect(last).toMatchObject({ state: 'FAILED', error: { code: 'DISK_FULL', retryable: true } });
    expect(last.receivedBytes).toBeGreaterThan(0);
    expect(ofHub(await variantIds(gateway))).toEqual([]);
    // Everything else works on.
    expect((await gateway.query<{ version: string }>('{ version }')).data.version).toMatch(/\d/);
    await gateway.stop();
    await start();
    expect((await pullOf(gateway, id))!.state).toBe('FAILED');
    hub.requests.length = 0;
    expect(await pulled(gateway, 'hf:demo/tiny:Q8_0')).toMatchObject({ id, state: 'COMPLETED' });
    expect(isWhole('Q8_0')).toBe(true);
  });

  it('that would not fit the budget fails before it fetches anything', async () => {
    await start(['--disk-budget', '4MB']);
    expect(await pulled(gateway, 'hf:demo/tiny:Q4_K_M')).toMatchObject({ state: 'COMPLETED' });
    // What is here needs no room.
    expect(await pulled(gateway, 'hf:demo/tiny:Q4_K_M')).toMatchObject({ state: 'COMPLETED' });
    const before = hub.requests.length;
    const refused = await pulled(gateway, 'hf:demo/tiny:Q8_0');
    expect(refused).toMatchObject({ state: 'FAILED', receivedBytes: 0, error: { code: 'DISK_FULL' } });
    // The listing and one read of the header.
    expect(hub.requests.length - before).toBeLessThanOrEqual(3);
    const { data: disk } = await gateway.query<{ diskUse: { usedBytes: number; budgetBytes: number } }>(
      '{ diskUse { usedBytes freeBytes budgetBytes } }',
    );
    expect(disk.diskUse.budgetBytes).toBe(4_000_000);
    // Of a server that lists nothing the size is known only once it answers.
    const address = await pulled(gateway, `${hub.url}/plain/tiny.Q8_0.gguf`);
    expect(address).toMatchObject({ state: 'FAILED', receivedBytes: 0, error: { code: 'DISK_FULL' } });
    expect(disk.diskUse.usedBytes).toBeGreaterThanOrEqual(statSync(target('Q4_K_M')).size);
  });

  it('of another process is left alone, and what that one brings is seen here', async () => {
    hub.faults = { pauseMs: 20 };
    await start();
    const pull = await pullElsewhere('hf:demo/tiny:Q8_0');
    const { id } = await startPull(gateway, 'hf:demo/tiny:Q8_0');
    await delay(500);
    expect((await pullOf(gateway, id))!.state).toBe('QUEUED');
    hub.faults = {};
    const { stdout } = await pull.ended;
    expect(JSON.parse(stdout)).toMatchObject([{ id, state: 'COMPLETED' }]);
    while (ofHub(await variantIds(gateway)).length === 0) await delay(20);
    expect((await followPull(gateway, id)).at(-1)!.state).toBe('COMPLETED');
    expect(isWhole('Q8_0')).toBe(true);
  });

  it('that another process works on is not disturbed by cancelling it here', async () => {
    hub.faults = { pauseMs: 20 };
    await start();
    const pull = await pullElsewhere('hf:demo/tiny:Q8_0');
    const { id } = await startPull(gateway, 'hf:demo/tiny:Q8_0');
    await gateway.query('mutation ($id: ID!) { cancelModelPull(id: $id) { state } }', { id });
    expect((await pullOf(gateway, id))!.state).toBe('CANCELLED');
    hub.faults = {};
    expect(JSON.parse((await pull.ended).stdout)).toMatchObject([{ state: 'COMPLETED' }]);
    expect(isWhole('Q8_0')).toBe(true);
  });

  it('survives damaged records of earlier pulls', async () => {
    await start();
    const { id } = await pulled(gateway, 'hf:demo/nobody:Q9');
    await gateway.stop();
    writeFileSync(path.join(pullsFolder(), id, 'pull.json'), '{ broken');
    await start();
    expect(await pullOf(gateway, id)).toBeNull();
    expect(await pulled(gateway, 'hf:demo/tiny:Q4_K_M')).toMatchObject({ state: 'COMPLETED' });
  });
});

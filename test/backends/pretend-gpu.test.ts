import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pretendGpu, pretendGpuEnvironment } from '../support/pretend-gpu.ts';

const MIB = 2 ** 20;
const PROBE = path.resolve(import.meta.dirname, '../support/pretend-gpu/probe.ts');
const MODEL = path.resolve(import.meta.dirname, '../../models/demo/tiny-mixtral-8x2M.Q8_0.gguf');

let folder = '';
const children: ChildProcess[] = [];
beforeEach(({ skip }) => {
  const gpu = pretendGpu();
  if ('skip' in gpu) skip(gpu.skip);
  folder = mkdtempSync(path.join(os.tmpdir(), 'mixgate-pretend-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  if (folder !== '') rmSync(folder, { recursive: true, force: true });
});

/** Another process's view of the GPU. */
async function probe(environment: Record<string, string>, ...models: string[]) {
  const child = spawn(process.execPath, ['--import', 'tsx', PROBE, ...models], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const [line] = (await Promise.race([once(child.stdout, 'data'), once(child, 'close')])) as [unknown];
  return { child, memory: JSON.parse(String(line)) as { total: number; used: number } };
}

describe('the pretend GPU', () => {
  it('counts what other processes hold, and no longer what a killed one held', async () => {
    const environment = pretendGpuEnvironment({ mib: 1000, ledger: path.join(folder, 'ledger') });
    expect((await probe(environment)).memory).toEqual({ total: 1000 * MIB, used: 0 });

    const { child: holder, memory } = await probe(environment, MODEL);
    expect(memory.used).toBeGreaterThan(4 * MIB);
    expect((await probe(environment)).memory).toEqual(memory);

    holder.kill('SIGKILL');
    await once(holder, 'exit');
    expect((await probe(environment)).memory.used).toBe(0);
  });

  it.each([
    [{}, 1200, 200],
    [{ GGML_VK_VISIBLE_DEVICES: '1' }, 700, 100],
    [{ CUDA_VISIBLE_DEVICES: '0' }, 500, 100],
  ])('has the devices that %j leaves, less the overhead of each', async (visible, totalMib, usedMib) => {
    const environment = { ...pretendGpuEnvironment({ mib: [500, 700], overheadMib: 100 }), ...visible };
    expect((await probe(environment)).memory).toEqual({ total: totalMib * MIB, used: usedMib * MIB });
  });
});

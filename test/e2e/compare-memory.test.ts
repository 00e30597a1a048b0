import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { COMPARE, compare } from '../support/comparing.ts';
import { DEMO, startGateway, type TestGateway } from '../support/gateway.ts';
import { pretendGpu, pretendGpuEnvironment } from '../support/pretend-gpu.ts';

const MIB = 2 ** 20;
const base = { prompt: { messages: [{ role: 'USER', content: 'Hello' }] }, maxTokens: 24 };

let folder = '';
let gateway: TestGateway;
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'mixgate-compare-'));
});
afterEach(() => gateway?.stop());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const needsGpu = ({ skip }: { skip: (reason: string) => void }): void => {
  const gpu = pretendGpu();
  if ('skip' in gpu) skip(gpu.skip);
};

async function start(mib: number | number[]): Promise<void> {
  const ledger = path.join(folder, String(Math.random()));
  gateway = await startGateway(
    ['--gpu', 'vulkan', '--device-margin', '0'],
    pretendGpuEnvironment({ mib, ledger }),
  );
}

const lane = (device: string, quantization: string, more: object = {}) => ({
  ...{ model: DEMO, device: `llama-cpp:${device}`, quantization },
  ...more,
});

describe('lanes on GPUs', () => {
  it('run together with one on the CPU, each measured', async (context) => {
    needsGpu(context);
    await start(28);
    const events = await compare(gateway, { ...base, lanes: [lane('gpu', 'Q8_0'), lane('cpu', 'Q8_0')] });
    expect(events[0]!.schedule!.taken).toBe('TOGETHER');
    const { lanes } = events.at(-1)!.comparison!;
    expect(lanes.map(({ generation }) => generation.state)).toEqual(['COMPLETED', 'COMPLETED']);
    for (const { memoryBytes } of lanes) expect(memoryBytes).toBeGreaterThan(MIB);
    expect(lanes[0]!.memoryBytes).toBeLessThan(28 * MIB);
  });

  it('run in turn where a part of one stays on the CPU that the other computes on', async (context) => {
    needsGpu(context);
    await start(28);
    const lanes = [lane('gpu', 'Q8_0', { gpuLayers: 1 }), lane('cpu', 'Q2_K')];
    const events = await compare(gateway, { ...base, lanes });
    expect(events[0]!.schedule!.taken).toBe('IN_TURN');
  });

  it('run together on two GPUs', async (context) => {
    needsGpu(context);
    await start([20, 20]);
    const events = await compare(gateway, { ...base, lanes: [lane('gpu0', 'Q8_0'), lane('gpu1', 'F16')] });
    expect(events[0]!.schedule!.taken).toBe('TOGETHER');
    expect(events.at(-1)!.comparison!.lanes.map(({ generation }) => generation.state)).toEqual([
      'COMPLETED',
      'COMPLETED',
    ]);
  });

  it('share one GPU together where both fit, and are refused where they do not', async (context) => {
    needsGpu(context);
    await start(28);
    const whole = { gpuLayers: 3, contextSize: 256 };
    const together = (...quantizations: string[]) => ({
      ...base,
      schedule: 'TOGETHER',
      lanes: quantizations.map((quantization) => lane('gpu', quantization, whole)),
    });
    const events = await compare(gateway, together('Q2_K', 'Q4_K_M'));
    expect(events.at(-1)!.comparison!.lanes.map(({ generation }) => generation.state)).toEqual([
      'COMPLETED',
      'COMPLETED',
    ]);
    const refused = gateway.subscribe(COMPARE, { input: together('F16', 'Q8_0', 'Q6_K', 'Q4_K_M') });
    await expect(refused).rejects.toMatchObject({ errors: [{ extensions: { code: 'NO_PLAN_FITS' } }] });
    // In turn, each evicts the one before it.
    const turns = await compare(gateway, {
      ...together('F16', 'Q8_0', 'Q6_K', 'Q4_K_M'),
      schedule: 'AUTO',
    });
    expect(turns[0]!.schedule!.taken).toBe('IN_TURN');
    const { lanes } = turns.at(-1)!.comparison!;
    expect(lanes.map(({ generation }) => generation.state)).toEqual(lanes.map(() => 'COMPLETED'));
  });
});

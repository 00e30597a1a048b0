import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DEMO, startGateway, type TestGateway } from '../support/gateway.ts';
import { pretendGpu, pretendGpuEnvironment } from '../support/pretend-gpu.ts';

const MIB = 2 ** 20;
const QUANTIZATIONS = ['Q2_K', 'Q4_K_M', 'Q6_K', 'Q8_0', 'F16'];
const prompt = { messages: [{ role: 'USER', content: 'Hello' }] };
const PLAN = `variant { quantization } deviceName deviceKind gpuLayers slots kvCacheType batchSize reasons
  shares { deviceId layers bytes } memory { deviceTotalBytes }`;
const GENERATE = `subscription ($input: GenerateInput!) { generate(input: $input) {
  __typename ... on PlanChosen { plan { ${PLAN} } } ... on GenerationFailed { error { code message } } } }`;
const DEVICES = `{ devices { id name kind memoryTotalBytes memoryFreeBytes
  resident { id isPinned loadMs measuredBytes verifiedBytes predictionErrorBytes
    variant { quantization } plan { memory { deviceTotalBytes } } } } }`;

interface Plan {
  readonly variant: { quantization: string };
  readonly deviceName: string;
  readonly deviceKind: string;
  readonly gpuLayers: number;
  readonly slots: number;
  readonly kvCacheType: string;
  readonly batchSize: number;
  readonly reasons: readonly string[];
  readonly shares: readonly { deviceId: string; layers: number; bytes: number }[];
  readonly memory: { deviceTotalBytes: number };
}
interface Event {
  readonly __typename: string;
  readonly plan?: Plan;
  readonly error?: { code: string; message: string };
}
interface Resident {
  readonly id: string;
  readonly isPinned: boolean;
  readonly loadMs: number;
  readonly measuredBytes: number;
  readonly verifiedBytes: number;
  readonly predictionErrorBytes: number;
  readonly variant: { quantization: string };
  readonly plan: { memory: { deviceTotalBytes: number } };
}
interface Device {
  readonly id: string;
  readonly kind: string;
  readonly memoryTotalBytes: number;
  readonly memoryFreeBytes: number;
  readonly resident: readonly Resident[];
}

let folder = '';
let gateway: TestGateway;
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'mixgate-memory-'));
});
afterEach(() => gateway?.stop());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A gateway on a machine with just these GPUs, whose memory all its runners share. */
async function start(
  gpu: Omit<Parameters<typeof pretendGpuEnvironment>[0], 'ledger'>,
  flags: string[] = [],
): Promise<void> {
  const ledger = path.join(folder, String(Math.random()));
  gateway = await startGateway(
    ['--gpu', 'vulkan', '--device-margin', '0', ...flags],
    pretendGpuEnvironment({ ...gpu, ledger }),
  );
}

async function generate(input: object = {}): Promise<Event[]> {
  const events = await gateway.subscribe<'generate'>(GENERATE, {
    input: { model: DEMO, prompt, maxTokens: 8, ...input },
  });
  return events.map(({ generate: event }) => event as unknown as Event);
}
const plansOf = (events: readonly Event[]): Plan[] => events.flatMap(({ plan }) => (plan ? [plan] : []));
async function gpus(): Promise<Device[]> {
  const { data } = await gateway.query<{ devices: Device[] }>(DEVICES);
  return data.devices.filter(({ kind }) => kind !== 'CPU');
}
const needsGpu = ({ skip }: { skip: (reason: string) => void }): void => {
  const gpu = pretendGpu();
  if ('skip' in gpu) skip(gpu.skip);
};

describe('memory of a GPU', () => {
  it('keeps what fits, evicts what does not, and measures what it planned', async (context) => {
    needsGpu(context);
    await start({ mib: 28 });
    for (const quantization of [...QUANTIZATIONS, ...QUANTIZATIONS]) {
      const events = await generate({ quantization });
      expect(events.at(-1)!.__typename).toBe('GenerationCompleted');
      expect(plansOf(events)).toMatchObject([{ variant: { quantization }, gpuLayers: 3 }]);
      const [gpu] = await gpus();
      expect(gpu!.resident.length).toBeLessThanOrEqual(2);
      for (const resident of gpu!.resident) {
        expect(resident.measuredBytes).toBe(resident.verifiedBytes);
        expect(resident.predictionErrorBytes).toBeGreaterThanOrEqual(0);
        expect(resident.predictionErrorBytes).toBeLessThan(8 * MIB);
        expect(resident.loadMs).toBeGreaterThan(0);
      }
      const used = gpu!.resident.reduce((sum, { measuredBytes }) => sum + measuredBytes, 0);
      expect(gpu!.memoryTotalBytes - gpu!.memoryFreeBytes).toBe(used);
    }
    const [gpu] = await gpus();
    expect(gpu!.resident.map(({ variant }) => variant.quantization).sort()).toEqual(['F16', 'Q8_0']);
  });

  it('never evicts what is pinned, and plans without its bytes', async (context) => {
    needsGpu(context);
    await start({ mib: 26 });
    const { data } = await gateway.query<{ loadModel: { id: string; isPinned: boolean } }>(
      `mutation { loadModel(model: "${DEMO}", quantization: "Q8_0", pinned: true) { id isPinned } }`,
    );
    expect(data.loadModel.isPinned).toBe(true);
    for (const quantization of ['Q2_K', 'Q4_K_M', 'Q6_K'])
      expect((await generate({ quantization })).at(-1)!.__typename).toBe('GenerationCompleted');
    const [gpu] = await gpus();
    expect(gpu!.resident.map(({ id }) => id)).toContain(data.loadModel.id);
  });

  it('does not swap on each request when two callers alternate', async (context) => {
    needsGpu(context);
    await start({ mib: 13 });
    const caller = async (quantization: string) => {
      for (let request = 0; request < 8; request++)
        expect((await generate({ quantization })).at(-1)!.__typename).toBe('GenerationCompleted');
    };
    await Promise.all([caller('Q2_K'), caller('Q6_K')]);
    expect(gateway.stderr().match(/"event":"resident.loading"/g)!.length).toBeLessThanOrEqual(4);
  });

  it('goes down the ladder when a load gets no memory, and says so', async (context) => {
    needsGpu(context);
    await start({ mib: 40, fragmentedMib: 33 });
    const events = await generate();
    expect(events.at(-1)!.__typename).toBe('GenerationCompleted');
    const [first, ...rungs] = plansOf(events);
    expect(first).toMatchObject({ variant: { quantization: 'Q6_K' }, gpuLayers: 3, batchSize: 512 });
    expect(rungs.length).toBeGreaterThan(0);
    for (const rung of rungs)
      expect(rung.reasons[0]).toMatch(/^No memory for \d+ bytes with \d layers .*: trying /);
    expect(rungs.at(-1)).toMatchObject({ deviceKind: 'VULKAN', batchSize: 128 });

    expect(gateway.stderr().match(/"event":"generation.replanned"/g)).toHaveLength(rungs.length);
    const metrics = await (await fetch(new URL('/metrics', gateway.url))).text();
    for (const counter of ['replans_total{reason', 'model_load_failures_total{code'])
      expect(metrics).toContain(`mixgate_${counter}="OUT_OF_MEMORY"} ${rungs.length}\n`);

    // What was learned is not learned again by the next.
    expect(plansOf(await generate())).toHaveLength(1);
  });

  it('ends on the CPU when the GPU has nothing to give', async (context) => {
    needsGpu(context);
    await start({ mib: 40, fragmentedMib: 40 });
    const plans = plansOf(await generate());
    expect(plans.at(-1)).toMatchObject({ deviceKind: 'CPU', gpuLayers: 0 });
  });

  it('fails with OUT_OF_MEMORY and its bytes when nothing that was asked for can be given up', async (context) => {
    needsGpu(context);
    await start({ mib: 40, fragmentedMib: 40 });
    const events = await generate({ quantization: 'Q4_K_M', gpuLayers: 3 });
    expect(events.at(-1)).toMatchObject({ __typename: 'GenerationFailed', error: { code: 'OUT_OF_MEMORY' } });
    expect(events.at(-1)!.error!.message).toMatch(/needs \d+ bytes, \d+ are free/);
  });

  it('fails with DEVICE_LOST when the GPU is gone between plan and load', async (context) => {
    needsGpu(context);
    const environment = pretendGpuEnvironment({ mib: 40 });
    const library = path.join(folder, 'gpu.so');
    copyFileSync(environment['GGML_BACKEND_PATH']!, library);
    gateway = await startGateway(['--gpu', 'vulkan', '--device-margin', '0'], {
      ...environment,
      GGML_BACKEND_PATH: library,
    });
    // The first model goes to the runner that has seen the GPU, the second to one that cannot.
    expect((await generate({ quantization: 'Q2_K' })).at(-1)!.__typename).toBe('GenerationCompleted');
    rmSync(library);
    const lost = await generate({ quantization: 'Q6_K' });
    expect(lost.at(-1)).toMatchObject({ __typename: 'GenerationFailed', error: { code: 'DEVICE_LOST' } });
    expect((await generate({ quantization: 'Q2_K' })).at(-1)!.__typename).toBe('GenerationCompleted');
  });

  it('tells several GPUs apart, uses the one that fits and spreads a model over both', async (context) => {
    needsGpu(context);
    await start({ mib: [13, 30] });
    const devices = await gpus();
    expect(devices).toMatchObject([
      { id: 'llama-cpp:gpu0', memoryTotalBytes: 13 * MIB },
      { id: 'llama-cpp:gpu1', memoryTotalBytes: 30 * MIB },
    ]);
    const alone = await generate({ device: 'llama-cpp:gpu1' });
    expect(alone.at(-1)!.__typename).toBe('GenerationCompleted');
    const [, second] = await gpus();
    expect(second!.resident).toHaveLength(1);
    expect(second!.resident[0]!.measuredBytes).toBe(30 * MIB - second!.memoryFreeBytes);

    const { data } = await gateway.query<{ unloadModel: boolean }>(
      'mutation ($id: ID!) { unloadModel(id: $id) }',
      { id: second!.resident[0]!.id },
    );
    expect(data.unloadModel).toBe(true);
    const spread = await generate({ device: 'llama-cpp:gpu0+llama-cpp:gpu1', quantization: 'Q2_K' });
    expect(spread.at(-1)!.__typename).toBe('GenerationCompleted');
    const [plan] = plansOf(spread);
    for (const { deviceId, bytes } of plan!.shares) {
      const device = (await gpus()).find(({ id }) => id === deviceId)!;
      expect(device.resident).toHaveLength(1);
      expect(device.memoryTotalBytes - device.memoryFreeBytes).toBeLessThanOrEqual(bytes);
    }
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ladder } from '../../src/routing/ladder.ts';
import { plan, type Plan } from '../../src/routing/plan.ts';
import type { PlanRequest, PlanSnapshot } from '../../src/routing/plan-request.ts';
import { GIB, gpu, referenceVariants, request, snapshot } from './facts.ts';

const cpu = gpu(64 * GIB, { id: 'cpu', name: 'A CPU', kind: 'CPU', memoryBandwidth: 40e9 });
const machine = snapshot([gpu(24 * GIB), cpu], referenceVariants('mixtral-8x7b'));

/** The best plan on the GPU, and what comes after it. */
function rungs(asked: PlanRequest, from: PlanSnapshot = machine): { failed: Plan; ladder: Plan[] } {
  const failed = plan({ ...asked, deviceId: 'gpu' }, from).chosen!;
  return { failed, ladder: ladder(failed, asked, from) };
}

/** What a rung says that it gives up. */
const gives = ({ reasons }: Plan): string | undefined => /: trying (.+)\.$/.exec(reasons[0]!)?.[1];

const KINDS = [
  'fewer layers on the device',
  'a smaller batch',
  'a Q8_0 KV cache',
  'a Q4_0 KV cache',
  'a smaller quantization',
  'the CPU',
];

const sizes = fc.integer({ min: 4, max: 80 }).map((gib) => gib * GIB);
const situations = fc
  .record({
    bytes: sizes,
    modelId: fc.constantFrom('mixtral-8x7b', 'mistral-7b', 'llama-2-70b' as const),
    quantization: fc.constantFrom('Q2_K', 'Q4_K_M', null),
    gpuLayers: fc.constantFrom(5, 20, null),
    kvCacheType: fc.constantFrom('F16', 'Q8_0', null),
    batchSize: fc.constantFrom(512, 1024, null),
    deviceId: fc.constantFrom('gpu', null),
    contextSize: fc.integer({ min: 512, max: 16384 }),
  })
  .map(({ bytes, modelId, ...change }) => {
    const asked = { ...request, ...change };
    const from = snapshot([gpu(bytes), cpu], referenceVariants(modelId));
    return { asked, from, failed: plan({ ...asked, deviceId: 'gpu' }, from).chosen };
  });

describe('the ladder after a load that did not get its memory', () => {
  it('gives up what costs least first, and ends on the CPU', () => {
    const { ladder } = rungs({ ...request, contextSize: 16384 });
    const given = ladder.map(gives);
    expect(given.every((each) => each !== undefined && KINDS.includes(each))).toBe(true);
    const order = given.map((each) => KINDS.indexOf(each!));
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    expect(given[0]).toBe('fewer layers on the device');
    expect(given.at(-1)).toBe('the CPU');
    expect(ladder.at(-1)!.deviceKind).toBe('CPU');
    expect(new Set(given).size).toBeGreaterThan(3);
  });

  it('says what did not get its memory', () => {
    const { failed, ladder } = rungs(request);
    expect(ladder[0]!.reasons[0]).toContain(`No memory for ${failed.memory.deviceTotalBytes} bytes`);
    expect(ladder[1]!.reasons[0]).toContain(`${ladder[0]!.memory.deviceTotalBytes} bytes`);
  });

  it('takes less of the device with every step', () => {
    let steps = 0;
    fc.assert(
      fc.property(situations, ({ asked, from, failed }) => {
        fc.pre(failed !== null);
        let before = failed.memory.deviceTotalBytes;
        for (const rung of ladder(failed, asked, from).filter(({ deviceKind }) => deviceKind !== 'CPU')) {
          expect(rung.fits).toBe(true);
          expect(rung.memory.deviceTotalBytes).toBeLessThan(before);
          before = rung.memory.deviceTotalBytes;
          steps++;
        }
      }),
    );
    expect(steps).toBeGreaterThan(0);
  });

  it('gives up nothing that was asked for', () => {
    fc.assert(
      fc.property(situations, ({ asked, from, failed }) => {
        fc.pre(failed !== null);
        for (const rung of ladder(failed, asked, from)) {
          const { quantization, gpuLayers, kvCacheType, batchSize, deviceId } = asked;
          expect(rung.contextSize).toBe(asked.contextSize);
          if (quantization !== null) expect(rung.quantization).toBe(quantization);
          if (kvCacheType !== null) expect(rung.kvCacheType).toBe(kvCacheType);
          if (batchSize !== null) expect(rung.batchSize).toBe(batchSize);
          if (deviceId !== null) expect(rung.deviceId).toBe(deviceId);
          if (gpuLayers !== null) expect(rung.gpuLayers).toBe(Math.min(gpuLayers, rung.totalLayers));
        }
      }),
    );
  });

  it('comes to the CPU last, and only there', () => {
    fc.assert(
      fc.property(situations, ({ asked, from, failed }) => {
        fc.pre(failed !== null);
        const kinds = ladder(failed, asked, from).map(({ deviceKind }) => deviceKind);
        const first = kinds.indexOf('CPU');
        if (first !== -1) expect(first).toBe(kinds.length - 1);
      }),
    );
  });

  it.each<[string, Partial<PlanRequest>]>([
    ['fewer layers on the device', { gpuLayers: 20 }],
    ['a smaller batch', { batchSize: 512 }],
    ['a Q8_0 KV cache', { kvCacheType: 'F16' }],
    ['a smaller quantization', { quantization: 'Q4_K_M' }],
    ['the CPU', { deviceId: 'gpu' }],
  ])('has no step to %s with %j', (kind, pinned) => {
    const asked = { ...request, contextSize: 16384 };
    expect(rungs(asked).ladder.map(gives)).toContain(kind);
    expect(rungs({ ...asked, ...pinned }).ladder.map(gives)).not.toContain(kind);
  });

  it('is empty where everything was asked for', () => {
    const asked: PlanRequest = {
      ...request,
      quantization: 'Q4_K_M',
      gpuLayers: 20,
      kvCacheType: 'F16',
      batchSize: 512,
      deviceId: 'gpu',
    };
    expect(rungs(asked).ladder).toEqual([]);
  });

  it('is empty on a CPU that was asked for with its quantization', () => {
    const asked: PlanRequest = {
      ...request,
      quantization: 'Q4_K_M',
      deviceId: 'cpu',
      kvCacheType: 'F16',
      batchSize: 128,
    };
    expect(ladder(plan(asked, machine).chosen!, asked, machine)).toEqual([]);
  });
});

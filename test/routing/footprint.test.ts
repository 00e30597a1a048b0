import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { gpuFootprint, splitFootprint, wholeFootprint } from '../../src/routing/footprint.ts';
import { referenceVariant } from '../../tools/reference-models/facts.ts';
import { allowedExcessBytes, compared, type FrozenBreakdowns } from '../support/breakdowns.ts';
import { mixtralWeights } from './facts.ts';

const MIB = 2 ** 20;
const placement = {
  gpuLayers: 33,
  cpuExpertLayers: 0,
  contextSize: 2048,
  slots: 1,
  kvCacheType: 'F16',
  batchSize: 512,
} as const;

describe('footprint', () => {
  const weights = mixtralWeights(4.87);

  it('counts the KV cache of every layer', () => {
    expect(gpuFootprint(weights, placement).deviceKvCacheBytes).toBe(32 * 2 * 8 * 128 * 2 * 2048);
  });

  it.each([
    [256, 97],
    [512, 194],
    [1024, 388],
  ])(
    'needs at batch %i the %i MiB of scratch memory that llama.cpp was seen to take',
    (batchSize, expected) => {
      const { deviceComputeBytes } = gpuFootprint(weights, { ...placement, batchSize });
      expect(Math.abs(deviceComputeBytes / MIB - expected)).toBeLessThan(1);
    },
  );

  it('grows with every layer, slot and token of context', () => {
    const total = (change: object) => gpuFootprint(weights, { ...placement, ...change }).deviceTotalBytes;
    for (let layers = 2; layers < 32; layers++)
      expect(total({ gpuLayers: layers + 1 })).toBeGreaterThan(total({ gpuLayers: layers }));
    expect(total({ slots: 2 })).toBeGreaterThan(total({}));
    expect(total({ contextSize: 4096 })).toBeGreaterThan(total({}));
  });

  it('keeps all weights somewhere', () => {
    for (const gpuLayers of [0, 1, 10, 33]) {
      const memory = gpuFootprint(weights, { ...placement, gpuLayers });
      expect(memory.deviceWeightsBytes + memory.hostTotalBytes).toBeGreaterThanOrEqual(weights.totalBytes);
    }
  });

  it('takes experts on the host off the device, and only there', () => {
    const none = gpuFootprint(weights, placement);
    const some = gpuFootprint(weights, { ...placement, cpuExpertLayers: 8 });
    const experts = weights.expertBytesFrom[0]! - weights.expertBytesFrom[8]!;
    expect(none.deviceWeightsBytes - some.deviceWeightsBytes).toBe(experts);
    expect(some.deviceKvCacheBytes).toBe(none.deviceKvCacheBytes);
    expect(some.hostTotalBytes).toBeGreaterThan(experts);
  });

  it('gives one memory everything', () => {
    const { deviceTotalBytes, hostTotalBytes } = wholeFootprint(weights, placement);
    expect(deviceTotalBytes).toBe(hostTotalBytes);
    expect(deviceTotalBytes).toBeGreaterThan(weights.totalBytes + 32 * 2 * 8 * 128 * 2 * 2048);
  });

  it('deals every layer to just one of several devices', () => {
    for (const gpuLayers of [1, 2, 20, 32, 33]) {
      const { memory, parts } = splitFootprint(weights, { ...placement, gpuLayers }, [0.2, 0.5, 1]);
      expect(parts.reduce((sum, { layers }) => sum + layers, 0)).toBe(gpuLayers);
      expect(parts.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(memory.deviceTotalBytes);
      const whole = gpuFootprint(weights, { ...placement, gpuLayers });
      expect(memory.deviceWeightsBytes).toBe(whole.deviceWeightsBytes);
    }
  });
});

const { llamaCpp, rows } = JSON.parse(
  readFileSync(path.join(import.meta.dirname, 'llama-cpp-breakdowns.json'), 'utf8'),
) as FrozenBreakdowns;

describe(`what llama.cpp ${llamaCpp} takes of a GPU`, () => {
  it.each(
    rows.map((row) => {
      const { modelId, quantization, mix } = row.reference;
      const name = `${modelId} ${quantization} of ${mix}, ${Object.values(row.layout).join(' ')}`;
      return { name, ...row };
    }),
  )('$name', ({ reference: { modelId, quantization, mix }, layout, deviceBytes }) => {
    const { footprintBytes, isWhole } = compared(
      referenceVariant(modelId, quantization, mix).weights,
      layout,
      deviceBytes,
    );
    expect(footprintBytes).toBeGreaterThanOrEqual(deviceBytes);
    expect(footprintBytes - deviceBytes).toBeLessThanOrEqual(allowedExcessBytes(deviceBytes, isWhole));
  });
});

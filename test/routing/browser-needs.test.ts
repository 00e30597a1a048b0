import { describe, expect, it } from 'vitest';
import type { DeviceFacts, WebGpuFacts } from '../../src/routing/device.ts';
import { plan } from '../../src/routing/plan.ts';
import type { PlanSnapshot } from '../../src/routing/plan-request.ts';
import { weightFacts, type MlcNeeds, type VariantFacts } from '../../src/routing/weights.ts';
import { GIB, gpu, request, snapshot } from './facts.ts';

const MIB = 2 ** 20;

const weights = weightFacts(
  {
    layers: 16,
    contextLength: 8192,
    embeddingLength: 2048,
    feedForwardLength: 8192,
    vocabularySize: 128_256,
    kvLengthPerLayer: 2 * 8 * 64,
    experts: null,
  },
  [{ name: 'model.embed_tokens.q_weight', type: 'uint32', elements: 1.2e9, bytes: 700 * MIB }],
);

const mlc = (quantization: string, change: Partial<MlcNeeds> = {}): VariantFacts => ({
  id: `llama:${quantization}`,
  modelId: 'llama',
  quantization,
  format: 'MLC',
  sizeBytes: weights.totalBytes,
  bitsPerWeight: 4.5,
  weights,
  qualityLoss: null,
  mlc: {
    library: 'lib.wasm',
    libraryVersion: null,
    libraryInterface: 'FFI',
    problem: null,
    requiredFeatures: quantization.includes('f16') ? ['shader-f16'] : [],
    requiredBytes: null,
    requiredContext: null,
    requiredBufferBytes: 128 * MIB,
    ...change,
  },
});

const browser = (lentBytes: number, webGpu: Partial<WebGpuFacts> = {}, change: Partial<DeviceFacts> = {}) =>
  gpu(lentBytes, {
    id: 'browser',
    backendId: 'webgpu',
    kind: 'WEBGPU',
    memorySource: 'DECLARED',
    memoryBandwidth: null,
    webGpu: {
      vendor: 'nvidia',
      architecture: 'ampere',
      isFallbackAdapter: false,
      features: [],
      maxBufferBytes: 4 * GIB,
      maxStorageBufferBindingBytes: 2 * GIB,
      ...webGpu,
    },
    ...change,
  });

function machine(devices: readonly DeviceFacts[], variants: readonly VariantFacts[]): PlanSnapshot {
  const base = snapshot(devices, variants);
  return {
    ...base,
    capabilities: {
      ...base.capabilities,
      webgpu: {
        formats: ['MLC', 'GGUF'],
        partialOffload: false,
        cpuExperts: false,
        multiDevice: false,
        kvCacheTypes: ['F16'],
        batchSize: 512,
      },
    },
  };
}

describe("weights for a browser's GPU", () => {
  const both = [mlc('q4f16_1'), mlc('q4f32_1')];

  it('are the f16 ones where the GPU has shader-f16, and the f32 ones where it lacks it', () => {
    const withF16 = plan(request, machine([browser(8 * GIB, { features: ['shader-f16'] })], both));
    expect(withF16.chosen!.quantization).toBe('q4f16_1');
    const without = plan(request, machine([browser(8 * GIB)], both));
    expect(without.chosen!.quantization).toBe('q4f32_1');
    expect(without.candidates[1]!.reasons.join(' ')).toMatch(
      /q4f16_1 needs shader-f16, which this GPU does not have: .* q4f32_1 runs there\./,
    );
  });

  it('take no more than four fifths of what is lent', () => {
    const needs = plan(request, machine([browser(8 * GIB)], [mlc('q4f32_1')])).chosen!.memory
      .deviceTotalBytes;
    expect(plan(request, machine([browser(Math.ceil(needs / 0.8) + MIB)], both)).chosen).not.toBeNull();
    const tight = plan(request, machine([browser(Math.floor(needs / 0.8) - MIB)], [mlc('q4f32_1')]));
    expect(tight.chosen).toBeNull();
    expect(tight.candidates[0]!.shortfalls[0]!.missingBytes).toBeGreaterThan(0);
    expect(tight.candidates[0]!.reasons.join(' ')).toMatch(/Would fit with a context of/);
  });

  it('count what the list says, and the cache of the context that is asked for', () => {
    const listed = mlc('q4f32_1', { requiredBytes: 3 * GIB, requiredContext: 4096 });
    const bytes = (contextSize: number) =>
      plan({ ...request, contextSize }, machine([browser(16 * GIB)], [listed])).chosen!.memory
        .deviceTotalBytes;
    expect(bytes(4096)).toBe(3 * GIB);
    // 16 layers, 1024 elements each and token, in f32.
    expect(bytes(8192) - bytes(4096)).toBe(4096 * 16 * 1024 * 4);
    expect(bytes(2048)).toBeLessThan(bytes(4096));
  });

  it('that need a larger buffer than the GPU allows do not fit, whatever memory there is', () => {
    const large = mlc('q4f32_1', { requiredBufferBytes: 3 * GIB });
    const { chosen, candidates } = plan(request, machine([browser(64 * GIB)], [large]));
    expect(chosen).toBeNull();
    expect(candidates[0]!.reasons[0]).toBe(
      'q4f32_1 needs a buffer of 3.00 GiB, this GPU allows 2.00 GiB: take a smaller model.',
    );
  });

  it('with a library that no engine runs do not fit, and say why', () => {
    const { chosen, candidates } = plan(
      request,
      machine([browser(64 * GIB)], [mlc('q4f32_1', { problem: 'The library is wrong.' })]),
    );
    expect(chosen).toBeNull();
    expect(candidates[0]!.reasons).toEqual(['The library is wrong.']);
  });

  it('run one at a time', () => {
    const snapshotted = machine([browser(64 * GIB)], [mlc('q4f32_1')]);
    expect(plan({ ...request, slotsWanted: 4 }, snapshotted).chosen!.slots).toBe(1);
    const two = plan({ ...request, slots: 2, slotsWanted: 2 }, snapshotted);
    expect(two.candidates[0]!.reasons[0]).toMatch(/one generation at a time/);
  });

  it('run on a GPU in software only where nothing else runs them', () => {
    const cpu = gpu(32 * GIB, { id: 'browser:cpu', backendId: 'webgpu', kind: 'CPU', memoryBandwidth: null });
    const software = browser(32 * GIB, { isFallbackAdapter: true });
    expect(plan(request, machine([software], [mlc('q4f32_1')])).chosen!.deviceId).toBe('browser');
    expect(plan(request, machine([software, cpu], [mlc('q4f32_1')])).chosen!.deviceId).toBe('browser:cpu');
    const real = browser(32 * GIB);
    expect(plan(request, machine([real, cpu], [mlc('q4f32_1')])).chosen!.deviceId).toBe('browser');
  });
});

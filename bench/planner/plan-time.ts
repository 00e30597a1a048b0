import { existsSync } from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import type { DeviceFacts } from '../../src/routing/device.ts';
import type { PlanResult } from '../../src/routing/plan.ts';
import type { PlanRequest, PlanSnapshot } from '../../src/routing/plan-request.ts';
import type { VariantFacts } from '../../src/routing/weights.ts';
import { referenceVariant } from '../../tools/reference-models/facts.ts';
import { quantizationsOf } from '../../tools/reference-models/models.ts';

interface PlanModule {
  readonly plan: (request: PlanRequest, snapshot: PlanSnapshot) => PlanResult;
}

const GIB = 2 ** 30;
const VARIANTS = 200;
const DEVICES = 8;
const RUNS = 100;
const COMPILED = path.join(import.meta.dirname, '../../dist/routing/plan.js');

/** Milliseconds of planning 200 variants over 8 devices, median of 100 runs; null where nothing is compiled. */
export async function planMilliseconds(): Promise<number | null> {
  if (!existsSync(COMPILED)) return null;
  // What runs in production: tsx would measure its own transformation of the source.
  const { plan } = (await import(pathToFileURL(COMPILED).href)) as PlanModule;
  const snapshot = snapshotOf(variants(), devices());
  const times = Array.from({ length: RUNS }, () => {
    const start = performance.now();
    plan(REQUEST, snapshot);
    return performance.now() - start;
  });
  return times.toSorted((a, b) => a - b)[RUNS / 2]!;
}

function variants(): VariantFacts[] {
  const all = (['today', '2023'] as const).flatMap((mix) =>
    quantizationsOf('mixtral-8x7b', mix).map((quantization) =>
      referenceVariant('mixtral-8x7b', quantization, mix),
    ),
  );
  return Array.from({ length: VARIANTS }, (_, index) => ({
    ...all[index % all.length]!,
    id: `variant-${index}`,
  }));
}

function devices(): DeviceFacts[] {
  return Array.from({ length: DEVICES }, (_, index) => ({
    id: `gpu-${index}`,
    backendId: 'native',
    name: `GPU ${index}`,
    kind: 'CUDA',
    memoryTotalBytes: 80 * GIB,
    memoryFreeBytes: (8 + 6 * index) * GIB,
    memorySource: 'MEASURED',
    memoryBandwidth: 900e9,
    observations: [],
  }));
}

const REQUEST: PlanRequest = {
  quantization: null,
  gpuLayers: null,
  contextSize: 4096,
  slots: 1,
  slotsWanted: 4,
  kvCacheType: null,
  batchSize: null,
  objective: 'BALANCED',
  deviceId: null,
};

const snapshotOf = (variants: readonly VariantFacts[], devices: readonly DeviceFacts[]): PlanSnapshot => ({
  variants,
  devices,
  host: { memoryFreeBytes: 64 * GIB, memoryBandwidth: 40e9, observations: [] },
  capabilities: {
    native: {
      formats: ['GGUF'],
      partialOffload: true,
      cpuExperts: false,
      multiDevice: true,
      kvCacheTypes: ['F16', 'Q8_0', 'Q4_0'],
      batchSize: 512,
    },
  },
  margins: { deviceBytes: GIB, hostBytes: GIB },
});

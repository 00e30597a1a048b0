import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { REFERENCE_MODELS, type ReferenceModelId } from '../../tools/reference-models/models.ts';
import {
  allowedExcessBytes,
  Breakdowns,
  type BreakdownCase,
  type FrozenBreakdowns,
} from '../support/breakdowns.ts';
import { pretendGpu } from '../support/pretend-gpu.ts';

let folder = '';
let breakdowns: Breakdowns;
beforeAll(() => {
  if ('skip' in pretendGpu()) return;
  folder = mkdtempSync(path.join(os.tmpdir(), 'mixgate-exactness-'));
  breakdowns = new Breakdowns(folder);
});
beforeEach(({ skip }) => {
  const gpu = pretendGpu();
  if ('skip' in gpu) skip(gpu.skip);
});
afterAll(() => {
  if (folder === '') return;
  breakdowns.end();
  rmSync(folder, { recursive: true });
});

const plain = { contextSize: 2048, slots: 1, kvCacheType: 'F16', batchSize: 512 } as const;

/** Each at all layers, half of them and none: on the device alone, on both, and nothing but the scratch memory. */
const CHANGES: readonly Partial<BreakdownCase>[] = [
  {},
  { kvCacheType: 'Q8_0', batchSize: 1024 },
  { kvCacheType: 'Q4_0', slots: 2, contextSize: 4096 },
  { slots: 4, batchSize: 256, contextSize: 1000 },
];

/** Grouped and full attention heads, experts few and many, vocabularies of 32, 128, 152 and 256 thousand. */
const MODELS = ['mixtral-8x7b', 'llama-2-7b', 'llama-3-8b', 'big-vocab-2b', 'moe-128k'] as const;

function layoutsOf(modelId: ReferenceModelId): BreakdownCase[] {
  const { layers } = REFERENCE_MODELS[modelId];
  return [layers + 1, layers / 2, 0].flatMap((gpuLayers) =>
    CHANGES.map((change) => ({ ...plain, ...change, gpuLayers })),
  );
}

describe("the planner's memory is llama.cpp's own", () => {
  it.each(MODELS)('%s', async (modelId) => {
    const comparisons = await breakdowns.compare(
      { modelId, quantization: 'Q4_K_M', mix: 'today' },
      layoutsOf(modelId),
    );
    for (const { layout, isWhole, llamaCppBytes, footprintBytes } of comparisons) {
      const shown = JSON.stringify(layout);
      expect(llamaCppBytes, shown).not.toBeNull();
      const excess = footprintBytes - llamaCppBytes!;
      expect(excess, shown).toBeGreaterThanOrEqual(0);
      expect(excess, shown).toBeLessThanOrEqual(allowedExcessBytes(llamaCppBytes!, isWhole));
    }
  });

  it('and the frozen numbers are still those of the llama.cpp that is installed', async () => {
    const file = path.join(import.meta.dirname, '../routing/llama-cpp-breakdowns.json');
    const { rows } = JSON.parse(readFileSync(file, 'utf8')) as FrozenBreakdowns;
    for (const { reference, layout, deviceBytes } of rows.filter((_, index) => index % 5 === 0)) {
      const [comparison] = await breakdowns.compare(reference, [layout]);
      expect(comparison!.llamaCppBytes, JSON.stringify({ reference, layout })).toBe(deviceBytes);
    }
  });
});

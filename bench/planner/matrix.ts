import {
  quantizationsOf,
  REFERENCE_MODELS,
  type ReferenceModelId,
  type ReferenceQuantization,
} from '../../tools/reference-models/models.ts';
import type { BreakdownCase, Reference } from '../../test/support/breakdowns.ts';

/** A file with the loads to compare. */
export interface Work {
  readonly reference: Reference;
  readonly layouts: readonly BreakdownCase[];
  /** Part of the matrix that decides whether the bench passes. */
  readonly isMain: boolean;
}

const CONTEXTS = [2048, 4096, 8192, 16384, 32768];
const MAIN_MODELS = ['mixtral-8x7b', 'mistral-7b', 'llama-2-7b', 'llama-2-70b'] as const;

/** Every quantization of the published models, as they are loaded by default. */
export function mainMatrix(): Work[] {
  return MAIN_MODELS.flatMap((modelId) => {
    const { layers } = REFERENCE_MODELS[modelId];
    const inner = [1 / 4, 1 / 2, 3 / 4].map((part) => layers * part);
    const layouts = [0, 1, 2, ...inner, layers - 1, layers, layers + 1].flatMap((gpuLayers) =>
      CONTEXTS.map((contextSize) => layout({ gpuLayers, contextSize })),
    );
    return (['today', '2023'] as const).flatMap((mix) =>
      quantizationsOf(modelId, mix).map((quantization) => ({
        reference: { modelId, quantization, mix },
        layouts,
        isMain: true,
      })),
    );
  });
}

/** Quantizations by how far apart they are. */
const VARIED = {
  'llama-3-8b': ['Q2_K', 'Q4_K_M', 'Q8_0'],
  'mha-13b': ['Q3_K_M', 'Q5_K_M', 'F16'],
  'big-vocab-2b': ['Q2_K', 'Q4_K_M', 'Q8_0'],
  'moe-128k': ['Q3_K_M', 'Q5_K_M', 'Q8_0'],
} as const satisfies Partial<Record<ReferenceModelId, readonly ReferenceQuantization[]>>;

/** Coprime to how many of everything there are, so that what is taken meets every combination of two. */
const STRIDE = 11;

/** KV types, slots and batches on models of other shapes; of all 8640 combinations every eleventh, unless all. */
export function variations(isEverything: boolean): Work[] {
  const stride = isEverything ? 1 : STRIDE;
  let count = 0;
  return (Object.keys(VARIED) as (keyof typeof VARIED)[]).flatMap((modelId) =>
    VARIED[modelId].map((quantization) => ({
      reference: { modelId, quantization, mix: 'today' as const },
      layouts: variedLayouts(REFERENCE_MODELS[modelId].layers).filter(() => count++ % stride === 0),
      isMain: false,
    })),
  );
}

function variedLayouts(layers: number): BreakdownCase[] {
  return [0, 1, layers / 2, layers, layers + 1].flatMap((gpuLayers) =>
    [2048, 8192, 32768].flatMap((contextSize) =>
      (['F16', 'Q8_0', 'Q4_0'] as const).flatMap((kvCacheType) =>
        [1, 2, 4, 8].flatMap((slots) =>
          [128, 512, 1024, 2048].map((batchSize) => ({
            gpuLayers,
            contextSize,
            kvCacheType,
            slots,
            batchSize,
          })),
        ),
      ),
    ),
  );
}

function layout(change: Pick<BreakdownCase, 'gpuLayers' | 'contextSize'>): BreakdownCase {
  return { slots: 1, kvCacheType: 'F16', batchSize: 512, ...change };
}

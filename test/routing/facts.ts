import type { DeviceFacts, RuntimeCapabilities } from '../../src/routing/device.ts';
import type { PlanRequest, PlanSnapshot } from '../../src/routing/plan-request.ts';
import { qualityLoss } from '../../src/routing/quality.ts';
import {
  weightFacts,
  type TensorFacts,
  type VariantFacts,
  type WeightFacts,
} from '../../src/routing/weights.ts';
import { referenceVariant } from '../../tools/reference-models/facts.ts';
import {
  quantizationsOf,
  type ExpertMix,
  type ReferenceModelId,
} from '../../tools/reference-models/models.ts';

export const GIB = 2 ** 30;
const LAYERS = 32;
const [EMBEDDING, FEED_FORWARD, VOCABULARY, EXPERTS] = [4096, 14336, 32000, 8];

/** Mixtral 8x7B's shapes at a number of bits per weight. */
export function mixtralWeights(bits: number): WeightFacts {
  const tensor = (name: string, ...shape: number[]): TensorFacts => {
    const elements = shape.reduce((product, length) => product * length, 1);
    return { name, type: 'Q4_K', elements, bytes: Math.round((elements * bits) / 8) };
  };
  const layer = (index: number) => [
    tensor(`blk.${index}.attn_q.weight`, EMBEDDING, EMBEDDING),
    tensor(`blk.${index}.attn_k.weight`, EMBEDDING, 1024),
    tensor(`blk.${index}.attn_v.weight`, EMBEDDING, 1024),
    tensor(`blk.${index}.attn_output.weight`, EMBEDDING, EMBEDDING),
    ...['gate', 'up', 'down'].map((part) =>
      tensor(`blk.${index}.ffn_${part}_exps.weight`, EMBEDDING, FEED_FORWARD, EXPERTS),
    ),
  ];
  return weightFacts(
    {
      layers: LAYERS,
      contextLength: 32768,
      embeddingLength: EMBEDDING,
      feedForwardLength: FEED_FORWARD,
      vocabularySize: VOCABULARY,
      kvLengthPerLayer: 8 * (128 + 128),
      experts: { count: EXPERTS, usedPerToken: 2 },
    },
    [
      tensor('token_embd.weight', EMBEDDING, VOCABULARY),
      ...Array.from({ length: LAYERS }, (_, index) => layer(index)).flat(),
      tensor('output.weight', EMBEDDING, VOCABULARY),
    ],
  );
}

export function variant(quantization: string, bitsPerWeight: number): VariantFacts {
  const weights = mixtralWeights(bitsPerWeight);
  const features = { isMixtureOfExperts: true, has2023ExpertMix: false, parameters: weights.parameters };
  return {
    id: `mixtral:${quantization}`,
    modelId: 'mixtral',
    quantization,
    format: 'GGUF',
    sizeBytes: weights.totalBytes,
    bitsPerWeight,
    weights,
    qualityLoss: qualityLoss(quantization, features),
  };
}

export const MIXTRAL: readonly VariantFacts[] = [
  variant('Q2_K', 2.97),
  variant('Q3_K_M', 3.86),
  variant('Q4_K_M', 4.87),
  variant('Q5_K_M', 5.69),
  variant('Q6_K', 6.57),
  variant('Q8_0', 8.5),
];

export const gpu = (memoryBytes: number, change: Partial<DeviceFacts> = {}): DeviceFacts => ({
  id: 'gpu',
  backendId: 'native',
  name: 'A GPU',
  kind: 'CUDA',
  memoryTotalBytes: memoryBytes,
  memoryFreeBytes: memoryBytes,
  memorySource: 'MEASURED',
  memoryBandwidth: 900e9,
  observations: [],
  ...change,
});

export const request: PlanRequest = {
  quantization: null,
  gpuLayers: null,
  contextSize: 2048,
  slots: 1,
  slotsWanted: 1,
  kvCacheType: null,
  batchSize: null,
  objective: 'BALANCED',
  deviceId: null,
};

export const snapshot = (devices: readonly DeviceFacts[], variants = MIXTRAL): PlanSnapshot => ({
  variants,
  devices,
  host: { memoryFreeBytes: 64 * GIB, memoryBandwidth: 40e9, observations: [] },
  capabilities: {
    native: {
      formats: ['GGUF'],
      partialOffload: true,
      cpuExperts: false,
      multiDevice: false,
      kvCacheTypes: ['F16', 'Q8_0', 'Q4_0'],
      batchSize: 512,
    },
  },
  margins: { deviceBytes: GIB, hostBytes: GIB },
});

const known = new Map<string, readonly VariantFacts[]>();

/** The quantizations of a reference model; its facts take a while to make. */
export function referenceVariants(
  modelId: ReferenceModelId,
  mix: ExpertMix = 'today',
): readonly VariantFacts[] {
  const key = `${modelId} ${mix}`;
  const variants =
    known.get(key) ??
    quantizationsOf(modelId, mix).map((quantization) => referenceVariant(modelId, quantization, mix));
  known.set(key, variants);
  return variants;
}

/** The same machine with another runtime. */
export const withRuntime = (
  from: PlanSnapshot,
  change: Partial<RuntimeCapabilities>,
  backendId = 'native',
): PlanSnapshot => ({
  ...from,
  capabilities: {
    ...from.capabilities,
    [backendId]: { ...from.capabilities['native']!, ...change },
  },
});

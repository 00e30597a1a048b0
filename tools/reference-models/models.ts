import type { Experts } from '../../src/routing/weights.ts';

/** The shapes of a published model, enough to lay out its GGUF file without its weights; lengths in elements. */
export interface ReferenceModel {
  readonly name: string;
  readonly sizeLabel: string;
  readonly layers: number;
  readonly embeddingLength: number;
  readonly feedForwardLength: number;
  readonly heads: number;
  readonly kvHeads: number;
  /** Null for a dense model. */
  readonly experts: Experts | null;
  readonly vocabularySize: number;
  readonly contextLength: number;
  readonly ropeFrequencyBase: number;
}

/** By id; all are of llama.cpp's architecture `llama`. */
export const REFERENCE_MODELS = {
  'mixtral-8x7b': {
    name: 'Mixtral 8x7B Instruct v0.1',
    sizeLabel: '8x7B',
    layers: 32,
    embeddingLength: 4096,
    feedForwardLength: 14336,
    heads: 32,
    kvHeads: 8,
    experts: { count: 8, usedPerToken: 2 },
    vocabularySize: 32000,
    contextLength: 32768,
    ropeFrequencyBase: 1e6,
  },
  'mistral-7b': {
    name: 'Mistral 7B Instruct v0.2',
    sizeLabel: '7B',
    layers: 32,
    embeddingLength: 4096,
    feedForwardLength: 14336,
    heads: 32,
    kvHeads: 8,
    experts: null,
    vocabularySize: 32000,
    contextLength: 32768,
    ropeFrequencyBase: 1e6,
  },
  'llama-2-7b': {
    name: 'Llama 2 7B Chat',
    sizeLabel: '7B',
    layers: 32,
    embeddingLength: 4096,
    feedForwardLength: 11008,
    heads: 32,
    kvHeads: 32,
    experts: null,
    vocabularySize: 32000,
    contextLength: 4096,
    ropeFrequencyBase: 1e4,
  },
  'llama-2-70b': {
    name: 'Llama 2 70B Chat',
    sizeLabel: '70B',
    layers: 80,
    embeddingLength: 8192,
    feedForwardLength: 28672,
    heads: 64,
    kvHeads: 8,
    experts: null,
    vocabularySize: 32000,
    contextLength: 4096,
    ropeFrequencyBase: 1e4,
  },
  /** No published model: small enough to run on one core, large enough that a token takes longer than its way. */
  'bench-100m': {
    name: 'Bench 100M',
    sizeLabel: '100M',
    layers: 6,
    embeddingLength: 768,
    feedForwardLength: 3072,
    heads: 12,
    kvHeads: 12,
    experts: null,
    vocabularySize: 32000,
    contextLength: 2048,
    ropeFrequencyBase: 1e4,
  },
  'llama-3-8b': {
    name: 'Llama 3 8B Instruct',
    sizeLabel: '8B',
    layers: 32,
    embeddingLength: 4096,
    feedForwardLength: 14336,
    heads: 32,
    kvHeads: 8,
    experts: null,
    vocabularySize: 128256,
    contextLength: 8192,
    ropeFrequencyBase: 5e5,
  },
  // The rest has no published namesake: shapes at the edges, each in one respect.
  'mha-13b': {
    name: 'MHA 13B',
    sizeLabel: '13B',
    layers: 40,
    embeddingLength: 5120,
    feedForwardLength: 13824,
    heads: 40,
    kvHeads: 40,
    experts: null,
    vocabularySize: 32000,
    contextLength: 4096,
    ropeFrequencyBase: 1e4,
  },
  'big-vocab-2b': {
    name: 'Big Vocab 2B',
    sizeLabel: '2B',
    layers: 26,
    embeddingLength: 2304,
    feedForwardLength: 9216,
    heads: 8,
    kvHeads: 4,
    experts: null,
    vocabularySize: 256000,
    contextLength: 32768,
    ropeFrequencyBase: 1e4,
  },
  'moe-128k': {
    name: 'MoE 128k',
    sizeLabel: '32x0.2B',
    layers: 24,
    embeddingLength: 2048,
    feedForwardLength: 1024,
    heads: 16,
    kvHeads: 4,
    experts: { count: 32, usedPerToken: 4 },
    vocabularySize: 151936,
    contextLength: 32768,
    ropeFrequencyBase: 1e6,
  },
} as const satisfies Record<string, ReferenceModel>;

export type ReferenceModelId = keyof typeof REFERENCE_MODELS;

export const REFERENCE_QUANTIZATIONS = [
  'Q2_K',
  'Q3_K_M',
  'Q4_0',
  'Q4_K_S',
  'Q4_K_M',
  'Q5_0',
  'Q5_K_M',
  'Q6_K',
  'Q8_0',
  'F16',
] as const;

export type ReferenceQuantization = (typeof REFERENCE_QUANTIZATIONS)[number];

/** `2023`: the tensor types of Mixtral's first files, before llama.cpp's pull request 4872 of January 2024. */
export type ExpertMix = 'today' | '2023';

/** The quantizations there are of a mix: all today, none but Mixtral's in 2023. */
export function quantizationsOf(modelId: ReferenceModelId, mix: ExpertMix): readonly ReferenceQuantization[] {
  if (mix === 'today') return REFERENCE_QUANTIZATIONS;
  if (modelId !== 'mixtral-8x7b') return [];
  return REFERENCE_QUANTIZATIONS.filter((quantization) => !['Q4_K_S', 'F16'].includes(quantization));
}

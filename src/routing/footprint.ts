import { KV_CACHE_TYPES, type KvCacheType } from './ggml-types.ts';
import type { WeightFacts } from './weights.ts';

/** How a variant is laid out between a device and the host. */
export interface Placement {
  /** Counted as llama.cpp's --n-gpu-layers does: repeating layers + 1 for the output layer. */
  readonly gpuLayers: number;
  /** Layers on the device whose experts stay on the host. */
  readonly cpuExpertLayers: number;
  /** Tokens that each slot can hold. */
  readonly contextSize: number;
  readonly slots: number;
  readonly kvCacheType: KvCacheType;
  readonly batchSize: number;
}

/** Bytes, as the runtime will allocate them. */
export interface MemoryEstimate {
  readonly deviceWeightsBytes: number;
  readonly deviceKvCacheBytes: number;
  readonly deviceComputeBytes: number;
  readonly deviceTotalBytes: number;
  /** Host memory in all; for a CPU, which is its own host, the same as `deviceTotalBytes`. */
  readonly hostTotalBytes: number;
}

const CONTEXT_PADDING = 256;
const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** Tokens in the whole KV cache: all slots, padded as llama.cpp pads. */
export function cacheTokens({ contextSize, slots }: Pick<Placement, 'contextSize' | 'slots'>): number {
  return Math.ceil((contextSize * slots) / CONTEXT_PADDING) * CONTEXT_PADDING;
}

/** All layers of the count that `gpuLayers` uses. */
export function totalLayers(weights: WeightFacts): number {
  return weights.layers + 1;
}

/** KV cache of one layer, bytes. */
function layerKvBytes(weights: WeightFacts, placement: Placement): number {
  return cacheTokens(placement) * weights.kvLengthPerLayer * KV_CACHE_TYPES[placement.kvCacheType];
}

/**
 * The scratch memory of one step at full batch: activations of the feed-forward part or the logits, whichever is
 * larger, and the attention mask. Measured against llama.cpp v0.5.0 with flash attention on.
 */
function computeBytes(weights: WeightFacts, placement: Placement): number {
  const tokens = cacheTokens(placement);
  const batch = Math.min(placement.batchSize, tokens);
  const { feedForwardLength, embeddingLength, vocabularySize, experts } = weights;
  const activations = 3 * feedForwardLength * Math.max(1, experts?.usedPerToken ?? 1) + 3 * embeddingLength;
  return 4 * batch * Math.max(activations, vocabularySize + embeddingLength) + 2 * tokens * batch;
}

/** What a CPU needs: everything in host memory. */
export function cpuFootprint(weights: WeightFacts, placement: Placement): MemoryEstimate {
  const kvCache = weights.layers * layerKvBytes(weights, placement);
  const compute = computeBytes(weights, placement);
  const total = Math.ceil(weights.totalBytes + kvCache + compute);
  return {
    deviceWeightsBytes: weights.totalBytes,
    deviceKvCacheBytes: Math.ceil(kvCache),
    deviceComputeBytes: Math.ceil(compute),
    deviceTotalBytes: total,
    hostTotalBytes: total,
  };
}

/**
 * What a GPU and its host need. llama.cpp puts the output layer and the *last* layers on the device; the token
 * embedding always stays on the host. Partly offloaded, the device also needs room to copy the largest tensor
 * left on the host and about 1.5 layers' KV; with no layer at all, the output matrix as well.
 */
export function gpuFootprint(weights: WeightFacts, placement: Placement): MemoryEstimate {
  const deviceLayers = Math.min(weights.layers, Math.max(0, placement.gpuLayers - 1));
  const first = weights.layers - deviceLayers;
  const hostExperts = sum(weights.layerExpertBytes.slice(first, first + placement.cpuExpertLayers));
  const layerBytes = sum(weights.layerBytes.slice(first));
  const deviceWeights = (placement.gpuLayers > 0 ? weights.outputBytes + layerBytes : 0) - hostExperts;
  const kvPerLayer = layerKvBytes(weights, placement);
  const kvCache = deviceLayers * kvPerLayer;

  let compute = computeBytes(weights, placement);
  const isPartial = deviceLayers < weights.layers || hostExperts > 0;
  if (isPartial) {
    const leftOnHost = weights.layerLargestTensorBytes.slice(0, first + placement.cpuExpertLayers);
    compute += Math.max(0, ...leftOnHost) + 1.5 * kvPerLayer;
    if (placement.gpuLayers === 0) compute += weights.outputBytes;
  }

  const hostWeights = Math.max(weights.inputBytes, weights.totalBytes - deviceWeights);
  const hostKvCache = (weights.layers - deviceLayers) * kvPerLayer;
  const hostCompute = isPartial
    ? computeBytes(weights, placement)
    : 4 * weights.vocabularySize * placement.slots;
  return {
    deviceWeightsBytes: deviceWeights,
    deviceKvCacheBytes: Math.ceil(kvCache),
    deviceComputeBytes: Math.ceil(compute),
    deviceTotalBytes: Math.ceil(deviceWeights + kvCache + compute),
    hostTotalBytes: Math.ceil(hostWeights + hostKvCache + hostCompute),
  };
}

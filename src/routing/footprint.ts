import {
  cpuComputeBytes,
  hostComputeBytes,
  padContext,
  partialComputeBytes,
  pipelineComputeBytes,
  wholeComputeBytes,
} from './compute-buffer.ts';
import { KV_CACHE_TYPES } from './ggml-types.ts';
import type { Placement } from './placement.ts';
import type { WeightFacts } from './weights.ts';

/** Bytes, as the runtime will allocate them. */
export interface MemoryEstimate {
  readonly deviceWeightsBytes: number;
  readonly deviceKvCacheBytes: number;
  readonly deviceComputeBytes: number;
  readonly deviceTotalBytes: number;
  /** Host memory in all; for a CPU, which is its own host, the same as `deviceTotalBytes`. */
  readonly hostTotalBytes: number;
}

/** Tokens in the whole KV cache: every slot's, padded as llama.cpp pads. */
export function cacheTokens({ contextSize, slots }: Pick<Placement, 'contextSize' | 'slots'>): number {
  return padContext(contextSize) * slots;
}

/** All layers of the count that `gpuLayers` uses. */
export function totalLayers(weights: WeightFacts): number {
  return weights.layers + 1;
}

/** KV cache of one layer, bytes. */
export function layerKvBytes(weights: WeightFacts, placement: Placement): number {
  return cacheTokens(placement) * weights.kvLengthPerLayer * KV_CACHE_TYPES[placement.kvCacheType];
}

/** Everything in one memory: a CPU, or a runtime that has no host to leave anything on. */
export function wholeFootprint(weights: WeightFacts, placement: Placement): MemoryEstimate {
  const kvCache = weights.layers * layerKvBytes(weights, placement);
  const compute = cpuComputeBytes(weights, placement);
  const output = 4 * weights.vocabularySize * placement.slots;
  const total = Math.ceil(weights.totalBytes + kvCache + compute + output);
  return {
    deviceWeightsBytes: weights.totalBytes,
    deviceKvCacheBytes: Math.ceil(kvCache),
    deviceComputeBytes: Math.ceil(compute + output),
    deviceTotalBytes: total,
    hostTotalBytes: total,
  };
}

/** What of a variant is on the device: the output layer and the *last* layers; the token embedding never is. */
interface Share {
  readonly deviceLayers: number;
  readonly firstLayer: number;
  readonly weightsBytes: number;
  readonly isPartial: boolean;
}

function shareOf(weights: WeightFacts, { gpuLayers, cpuExpertLayers }: Placement): Share {
  const deviceLayers = Math.min(weights.layers, Math.max(0, gpuLayers - 1));
  const firstLayer = weights.layers - deviceLayers;
  const lastHostExperts = Math.min(weights.layers, firstLayer + cpuExpertLayers);
  const hostExperts = weights.expertBytesFrom[firstLayer]! - weights.expertBytesFrom[lastHostExperts]!;
  return {
    deviceLayers,
    firstLayer,
    weightsBytes: gpuLayers > 0 ? weights.outputBytes + weights.layerBytesFrom[firstLayer]! - hostExperts : 0,
    isPartial: deviceLayers < weights.layers || cpuExpertLayers > 0,
  };
}

/** What a GPU and its host need. */
export function gpuFootprint(weights: WeightFacts, placement: Placement): MemoryEstimate {
  const { deviceLayers, firstLayer, weightsBytes, isPartial } = shareOf(weights, placement);
  const kv = layerKvBytes(weights, placement);
  const kvCache = deviceLayers * kv;
  const compute = isPartial
    ? partialComputeBytes(weights, placement, {
        largestTensorBytes:
          weights.largestTensorBefore[Math.min(weights.layers, firstLayer + placement.cpuExpertLayers)]!,
        layerKvBytes: kv,
        outputBytes: placement.gpuLayers === 0 ? weights.outputBytes : 0,
      })
    : wholeComputeBytes(weights, placement);
  const hostWeights = Math.max(weights.inputBytes, weights.totalBytes - weightsBytes);
  const hostKv = (weights.layers - deviceLayers) * kv;
  return {
    deviceWeightsBytes: weightsBytes,
    deviceKvCacheBytes: Math.ceil(kvCache),
    deviceComputeBytes: Math.ceil(compute),
    deviceTotalBytes: Math.ceil(weightsBytes + kvCache + compute),
    hostTotalBytes: Math.ceil(hostWeights + hostKv + hostComputeBytes(weights, placement, isPartial)),
  };
}

/** One device's part of a split. */
export interface SplitPart {
  readonly layers: number;
  readonly bytes: number;
}

/** What several devices and their host need together, and each of them by itself. */
export interface SplitEstimate {
  readonly memory: MemoryEstimate;
  readonly parts: readonly SplitPart[];
}

/** Shares of several devices, cumulated: the first's, the first two's, … up to 1. */
export function cumulatedShares(freeBytes: readonly number[]): number[] {
  const total = Math.max(
    1,
    freeBytes.reduce((sum, bytes) => sum + bytes, 0),
  );
  let sum = 0;
  return freeBytes.map((bytes, index) => (index === freeBytes.length - 1 ? 1 : (sum += bytes) / total));
}

/**
 * Layers over several devices as llama.cpp deals them out: in order, each device a share as large as its share of
 * the free memory; the output layer counts as the last. What has to be copied from the host goes through the first.
 */
export function splitFootprint(
  weights: WeightFacts,
  placement: Placement,
  shares: readonly number[],
): SplitEstimate {
  const whole = gpuFootprint(weights, placement);
  const { firstLayer, isPartial } = shareOf(weights, placement);
  const kv = layerKvBytes(weights, placement);
  const dealt = Math.max(1, Math.min(placement.gpuLayers, totalLayers(weights)));
  const firstExperts = Math.min(weights.layers, firstLayer + placement.cpuExpertLayers);
  const compute = isPartial
    ? [whole.deviceComputeBytes, wholeComputeBytes(weights, placement)]
    : [pipelineComputeBytes(weights, placement, true), pipelineComputeBytes(weights, placement, false)];
  let total = 0;
  let from = firstLayer;
  const parts = shares.map((share, index) => {
    const to = firstLayer + Math.ceil(share * dealt);
    const last = Math.min(to, weights.layers);
    const layers = Math.max(0, last - from);
    const experts = Math.max(from, Math.min(last, firstExperts));
    const hostExperts =
      from < weights.layers ? weights.expertBytesFrom[from]! - weights.expertBytesFrom[experts]! : 0;
    const layerBytes = layers > 0 ? weights.layerBytesFrom[from]! - weights.layerBytesFrom[last]! : 0;
    const output = to > weights.layers && placement.gpuLayers > 0 ? weights.outputBytes : 0;
    const bytes = Math.ceil(layerBytes - hostExperts + output + layers * kv + compute[index === 0 ? 0 : 1]!);
    const part = { layers: to - from, bytes };
    total += bytes;
    from = to;
    return part;
  });
  const computeBytes = total - whole.deviceWeightsBytes - whole.deviceKvCacheBytes;
  return { memory: { ...whole, deviceComputeBytes: computeBytes, deviceTotalBytes: total }, parts };
}

import { layerKvBytes, wholeFootprint, type MemoryEstimate } from './footprint.ts';
import type { Target } from './device.ts';
import type { Placement } from './placement.ts';
import { gib } from './units.ts';
import type { MlcNeeds, VariantFacts } from './weights.ts';

/** What stands against a variant on a target whatever memory there is; sentences for people, empty where nothing does. */
export function obstacles(
  { mlc, quantization }: VariantFacts,
  { devices }: Target,
  slots: number,
): readonly string[] {
  if (mlc === null || mlc === undefined) return NONE;
  if (mlc.problem !== null) return [mlc.problem];
  if (slots > 1) return ['web-llm runs one generation at a time: ask for 1 slot.'];
  const gpu = devices[0]?.webGpu;
  if (gpu === null || gpu === undefined) return NONE;
  const missing = mlc.requiredFeatures.filter((feature) => !gpu.features.includes(feature));
  const found = missing.map(
    (feature) =>
      `${quantization} needs ${feature}, which this GPU does not have${feature === 'shader-f16' ? ': a variant with f32, such as q4f32_1, does without' : ''}.`,
  );
  const limit = Math.min(gpu.maxStorageBufferBindingBytes, gpu.maxBufferBytes);
  if (mlc.requiredBufferBytes > limit)
    found.push(
      `${quantization} needs a buffer of ${gib(mlc.requiredBufferBytes)}, this GPU allows ${gib(limit)}: take a smaller model.`,
    );
  return found;
}

const NONE: readonly string[] = [];

/**
 * Everything on the browser's GPU. Where web-llm's list says what a model takes with its own context, that counts, less
 * the cache of that context and with the cache of this one; never less than weights and cache.
 */
export function browserFootprint(variant: VariantFacts, mlc: MlcNeeds, placement: Placement): MemoryEstimate {
  const { weights, quantization } = variant;
  const kvOf = (contextSize: number) =>
    weights.layers * layerKvBytes(weights, { ...placement, contextSize }) * kvFactor(quantization);
  const kvCache = Math.ceil(kvOf(placement.contextSize));
  const plain = wholeFootprint(weights, placement);
  const own = weights.totalBytes + kvCache + plain.deviceComputeBytes;
  const { requiredBytes, requiredContext } = mlc;
  const listed =
    requiredBytes === null
      ? 0
      : requiredBytes + kvCache - Math.ceil(kvOf(requiredContext ?? placement.contextSize));
  const total = Math.max(own, listed);
  return {
    deviceWeightsBytes: weights.totalBytes,
    deviceKvCacheBytes: kvCache,
    deviceComputeBytes: total - weights.totalBytes - kvCache,
    deviceTotalBytes: total,
    hostTotalBytes: total,
  };
}

/** MLC keeps the cache in the type it computes in: f32 takes twice what F16 does. */
const kvFactor = (quantization: string): number => (/f32/.test(quantization) ? 2 : 1);

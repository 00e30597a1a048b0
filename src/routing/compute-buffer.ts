import type { Placement } from './placement.ts';
import type { WeightFacts } from './weights.ts';

/**
 * The scratch memory of llama.cpp's graph (its "compute buffer"), closed form. Found by reading llama.cpp v0.5.0's
 * own breakdown for 26,000 combinations of model, quantization, layers, context, slots, batch and KV type
 * (`npm run bench:planner` repeats a selection). With everything on the device it is exact; with layers on the host
 * llama.cpp's allocator leaves gaps that depend on the order of allocations, so there it is an upper bound.
 */

const MIB = 2 ** 20;
const FLOAT_BYTES = 4;
/** What alignment adds to all tensors of a graph together, at most. */
const ALIGNMENT_BYTES = MIB / 8;
/** Rotations that llama.cpp applies where keys and values are quantized: 128 × 128 and 64 × 64 floats. */
const QUANTIZED_KV_ROTATION_BYTES = (128 * 128 + 64 * 64) * FLOAT_BYTES;
/** Position, output id and the two 64-bit cache indices of one token, in floats. */
const INPUT_FLOATS = 6;
/** A gap of which none of the measured models, however small, had more than its bound says otherwise. */
const SMALLEST_GAP_BYTES = 3 * MIB;
/** Copies that llama.cpp keeps of a graph's inputs where several devices work in a pipeline. */
const PIPELINE_COPIES = 4;

/** Bytes of the parts that the cases below are made of, all for one batch at its full length. */
interface Parts {
  /** One activation of the embedding's length. */
  readonly embedding: number;
  /** One feed-forward activation, of all experts that a token uses. */
  readonly feedForward: number;
  /** The attention mask of one slot. */
  readonly mask: number;
  readonly rotation: number;
  /** The feed-forward step: three of its activations, three of the embedding's, the mask and the inputs. */
  readonly step: number;
  /** The logits and the activation they come from. */
  readonly logits: number;
}

function partsOf(weights: WeightFacts, placement: Placement): Parts {
  const { embeddingLength, vocabularySize, experts } = weights;
  const slotTokens = padContext(placement.contextSize);
  const batch = Math.min(Math.max(placement.batchSize, placement.slots), slotTokens * placement.slots);
  const row = FLOAT_BYTES * batch;
  const feedForwardLength = weights.feedForwardLength * Math.max(1, experts?.usedPerToken ?? 1);
  const mask = 2 * slotTokens * batch;
  const rotation = placement.kvCacheType === 'F16' ? 0 : QUANTIZED_KV_ROTATION_BYTES;
  // Where the mask just exceeds what the feed-forward part frees, it takes room of its own a second time.
  const gap = feedForwardLength - 2 * embeddingLength;
  const maskFloats = slotTokens / 2;
  const hasGap = feedForwardLength < 3 * embeddingLength && maskFloats >= gap && maskFloats < embeddingLength;
  const gapFloats = hasGap ? Math.max(0, gap) + 256 : 0;
  const isNarrow = feedForwardLength < embeddingLength;
  return {
    embedding: row * embeddingLength,
    feedForward: row * feedForwardLength,
    mask,
    rotation,
    step: row * (3 * feedForwardLength + 3 * embeddingLength + INPUT_FLOATS + gapFloats) + mask + rotation,
    logits: isNarrow
      ? row * (vocabularySize + 3 * embeddingLength + INPUT_FLOATS) + mask + rotation
      : row * (vocabularySize + embeddingLength) + rotation,
  };
}

/** Tokens that one slot takes in the cache: llama.cpp pads to 256. */
export function padContext(contextSize: number): number {
  return Math.ceil(contextSize / 256) * 256;
}

/** Everything on one device. */
export function wholeComputeBytes(weights: WeightFacts, placement: Placement): number {
  const parts = partsOf(weights, placement);
  // A quantized cache frees one activation as soon as the mask is as large as one.
  const hasLargeMask = padContext(placement.contextSize) / 2 >= weights.embeddingLength;
  const saved =
    placement.kvCacheType !== 'F16' && hasLargeMask
      ? parts.embedding * (1 - (2 * (weights.experts?.count ?? 0)) / weights.embeddingLength)
      : 0;
  return Math.max(parts.step - saved, parts.logits) + ALIGNMENT_BYTES;
}

/** Everything on the CPU, where the input's embedding is part of the graph: once more with a quantized cache. */
export function cpuComputeBytes(weights: WeightFacts, placement: Placement): number {
  const { embedding } = partsOf(weights, placement);
  return wholeComputeBytes(weights, placement) + embedding * (placement.kvCacheType === 'F16' ? 1 : 2);
}

/** What stays on the host decides what the device must be able to copy while it reads a prompt. */
export interface HostShare {
  readonly largestTensorBytes: number;
  readonly layerKvBytes: number;
  /** Bytes of the output matrix where it is on the host too (no layer on the device), else 0. */
  readonly outputBytes: number;
}

/** Some layers on the host: while it reads a prompt, the device also computes those, from copies of their weights. */
export function partialComputeBytes(weights: WeightFacts, placement: Placement, host: HostShare): number {
  const parts = partsOf(weights, placement);
  const { embedding, feedForward, mask, rotation, step, logits } = parts;
  const { largestTensorBytes: largest, layerKvBytes: kv, outputBytes: output } = host;
  const slack = Math.max(1.5 * embedding, Math.min(0.2 * largest, 12 * embedding));
  const feedForwardStep = step + largest + Math.min(kv, 4 * embedding) + slack;
  const afterAttention = largest + kv + mask + feedForward + 3 * embedding + rotation + slack / 2;
  const isLong = padContext(placement.contextSize) > 2 * weights.embeddingLength;
  const copiedKv = isLong
    ? 1.5 * kv +
      // A small batch leaves gaps that its activations do not account for.
      (placement.slots > 1 ? 4.6 * embedding : Math.max(4.1 * embedding, 3.9 * embedding + MIB)) +
      (rotation > 0 ? largest + 2.7 * embedding : 0)
    : kv + 6.6 * embedding;
  const outputStep =
    logits > step
      ? logits + largest + Math.min(kv, feedForward) + feedForward + embedding + mask + output
      : output + Math.min(logits + 250 * MIB, step + Math.min(output, largest, 140 * MIB) + 1.6 * embedding);
  const most = Math.max(feedForwardStep, afterAttention, logits > step || output > 0 ? outputStep : 0);
  const gap = SMALLEST_GAP_BYTES + (feedForward < embedding ? 4 * embedding : 0);
  return Math.max(most + gap, copiedKv + mask + rotation);
}

/** Everything on several devices, which then work in a pipeline: what one of them needs. */
export function pipelineComputeBytes(weights: WeightFacts, placement: Placement, isFirst: boolean): number {
  const { embedding, mask } = partsOf(weights, placement);
  const inputs = (isFirst ? 1 : 2) * PIPELINE_COPIES * embedding;
  return wholeComputeBytes(weights, placement) + (PIPELINE_COPIES - 1) * mask + inputs + ALIGNMENT_BYTES;
}

/** The host's share of a graph that runs on a GPU: inputs, and what passes between host and device. */
export function hostComputeBytes(weights: WeightFacts, placement: Placement, isPartial: boolean): number {
  const { embedding, mask } = partsOf(weights, placement);
  const keysAndValues = (embedding / weights.embeddingLength) * weights.kvLengthPerLayer;
  const passed = embedding + (isPartial ? Math.max(embedding, keysAndValues) : embedding);
  return passed + 4 * mask + FLOAT_BYTES * weights.vocabularySize * placement.slots + ALIGNMENT_BYTES;
}

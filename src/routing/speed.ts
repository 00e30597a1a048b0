import type { DeviceFacts, HostFacts } from './device.ts';
import type { Placement } from './footprint.ts';
import type { VariantFacts } from './weights.ts';

/** Share of the nominal bandwidth that decoding reaches; published runs lie between 0.6 and 0.97. */
const EFFICIENCY = 0.7;
/** 2- and 3-bit types decode about 20 % slower than their bytes say. */
const LOW_BIT_EFFICIENCY = EFFICIENCY * 0.8;
const LOW_BITS_PER_WEIGHT = 4;
/** Time that no bandwidth buys: launching a layer's kernels, and what the binding adds to each token. */
const SECONDS_PER_LAYER = 20e-6;
const SECONDS_PER_TOKEN = 0.5e-3;

/** Bytes of weights that decoding one token reads, on the device and on the host. */
export interface BytesPerToken {
  readonly device: number;
  readonly host: number;
}

/** A mixture of experts reads only the experts it uses; the input table, one row. */
export function bytesPerToken(variant: VariantFacts, placement: Placement, isCpu: boolean): BytesPerToken {
  const { weights } = variant;
  const usedShare = weights.experts === null ? 1 : weights.experts.usedPerToken / weights.experts.count;
  const deviceLayers = isCpu
    ? weights.layers
    : Math.max(0, Math.min(weights.layers, placement.gpuLayers - 1));
  const first = weights.layers - deviceLayers;
  const read = { device: isCpu || placement.gpuLayers > 0 ? weights.outputBytes : 0, host: 0 };
  if (read.device === 0) read.host = weights.outputBytes;
  for (let layer = 0; layer < weights.layers; layer++) {
    const experts = weights.layerExpertBytes[layer]!;
    const rest = weights.layerBytes[layer]! - experts;
    const onDevice = layer >= first;
    read[onDevice ? 'device' : 'host'] += rest;
    read[onDevice && layer >= first + placement.cpuExpertLayers ? 'device' : 'host'] += experts * usedShare;
  }
  return read;
}

/**
 * Tokens per second of one sequence: bytes read over effective bandwidth, plus fixed costs. A prior until the gateway's own runs
 * say better; null where a bandwidth that matters is unknown.
 */
export function decodeTokensPerSecond(
  variant: VariantFacts,
  placement: Placement,
  { device, host }: { device: DeviceFacts; host: HostFacts },
): number | null {
  const read = bytesPerToken(variant, placement, device.kind === 'CPU');
  const efficiency = variant.bitsPerWeight < LOW_BITS_PER_WEIGHT ? LOW_BIT_EFFICIENCY : EFFICIENCY;
  if (device.memoryBandwidth === null || (read.host > 0 && host.memoryBandwidth === null)) return null;
  const reading =
    read.device / device.memoryBandwidth + (read.host > 0 ? read.host / host.memoryBandwidth! : 0);
  return 1 / (reading / efficiency + variant.weights.layers * SECONDS_PER_LAYER + SECONDS_PER_TOKEN);
}

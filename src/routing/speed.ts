import type { HostFacts, MemorySpeed, SpeedObservation, Target } from './device.ts';
import type { Placement } from './placement.ts';
import type { VariantFacts } from './weights.ts';

/** Share of the nominal bandwidth that decoding reaches; published runs lie between 0.6 and 0.97. */
const EFFICIENCY = 0.7;
/** 2- and 3-bit types decode about 20 % slower than their bytes say. */
const LOW_BIT_FACTOR = 0.8;
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
export function bytesPerToken(variant: VariantFacts, placement: Placement, isWhole: boolean): BytesPerToken {
  const { weights } = variant;
  const { experts, layers, expertBytesFrom, layerBytesFrom, outputBytes } = weights;
  const unusedShare = experts === null ? 0 : 1 - experts.usedPerToken / experts.count;
  const deviceLayers = isWhole ? layers : Math.max(0, Math.min(layers, placement.gpuLayers - 1));
  const first = layers - deviceLayers;
  const firstExperts = isWhole ? 0 : Math.min(layers, first + placement.cpuExpertLayers);
  const isOutputOnDevice = isWhole || placement.gpuLayers > 0;
  const read = (from: number) => layerBytesFrom[from]! - expertBytesFrom[from]! * unusedShare;
  const moved = (expertBytesFrom[first]! - expertBytesFrom[firstExperts]!) * (1 - unusedShare);
  return {
    device: read(first) - moved + (isOutputOnDevice ? outputBytes : 0),
    host: read(0) - read(first) + moved + (isOutputOnDevice ? 0 : outputBytes),
  };
}

/** An observation says something about runs that read up to this many times more or less. */
const COMPARABLE_FACTOR = 8;

/** Bytes per second that decoding reaches where a token reads `bytes`, or null where nothing is known. */
function effectiveBandwidth({ memoryBandwidth, observations }: MemorySpeed, bytes: number): number | null {
  let closest: SpeedObservation | null = null;
  let distance = Math.log(COMPARABLE_FACTOR);
  for (const observation of observations) {
    const away = Math.abs(Math.log(observation.bytesPerToken / Math.max(1, bytes)));
    if (away <= distance) [closest, distance] = [observation, away];
  }
  return closest?.bytesPerSecond ?? (memoryBandwidth === null ? null : memoryBandwidth * EFFICIENCY);
}

/** Seconds per token that no bandwidth buys. */
function fixedSeconds({ weights }: VariantFacts): number {
  return weights.layers * SECONDS_PER_LAYER + SECONDS_PER_TOKEN;
}

const lowBitFactor = ({ bitsPerWeight }: VariantFacts): number =>
  bitsPerWeight < LOW_BITS_PER_WEIGHT ? LOW_BIT_FACTOR : 1;

/** Seconds that a target takes to read `bytes`; several devices read their shares one after the other. */
function targetSeconds({ devices }: Target, bytes: number): number | null {
  const free = devices.reduce((sum, { memoryFreeBytes }) => sum + memoryFreeBytes, 0);
  let seconds = 0;
  for (const device of devices) {
    const share = devices.length === 1 ? bytes : bytes * (device.memoryFreeBytes / Math.max(1, free));
    const bandwidth = effectiveBandwidth(device, share);
    if (bandwidth === null) return null;
    seconds += share / bandwidth;
  }
  return seconds;
}

/**
 * Tokens per second of one sequence: bytes read over effective bandwidth, plus fixed costs. A prior until the
 * gateway's own runs say better; null where a bandwidth that matters is unknown.
 */
export function decodeTokensPerSecond(
  variant: VariantFacts,
  read: BytesPerToken,
  { target, host }: { target: Target; host: HostFacts },
): number | null {
  const onDevice = targetSeconds(target, read.device);
  const hostBandwidth = read.host > 0 ? effectiveBandwidth(host, read.host) : Infinity;
  if (onDevice === null || hostBandwidth === null) return null;
  const reading = onDevice + read.host / hostBandwidth;
  return 1 / (reading / lowBitFactor(variant) + fixedSeconds(variant));
}

/**
 * What a run tells that read everything from one device: the model above solved for the bandwidth. Null where the
 * fixed costs alone explain the time, so that nothing can be told.
 */
export function speedObservation(
  variant: VariantFacts,
  read: BytesPerToken,
  secondsPerToken: number,
): SpeedObservation | null {
  const reading = (secondsPerToken - fixedSeconds(variant)) * lowBitFactor(variant);
  const bytes = read.device + read.host;
  return reading > 0.2 * secondsPerToken ? { bytesPerToken: bytes, bytesPerSecond: bytes / reading } : null;
}

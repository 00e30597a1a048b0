import type { DeviceFacts, DeviceKind } from './device.ts';
import { totalLayers, type MemoryEstimate } from './footprint.ts';
import type { KvCacheType } from './ggml-types.ts';
import { placements } from './placements.ts';
import type { PlanObjective, PlanRequest, PlanSnapshot } from './plan-request.ts';
import { qualityRank } from './quality.ts';
import { bytesPerToken, decodeTokensPerSecond } from './speed.ts';
import type { VariantFacts } from './weights.ts';

/** Slowest decode speed that an objective accepts, tokens per second. */
const SPEED_FLOOR: Readonly<Record<PlanObjective, number>> = { QUALITY: 3, BALANCED: 10, SPEED: 30 };

/** One way to run a variant. Bytes, tokens; `gpuLayers` of `totalLayers`. */
export interface Plan {
  readonly variantId: string;
  readonly quantization: string;
  readonly backendId: string;
  readonly deviceId: string;
  readonly deviceName: string;
  readonly deviceKind: DeviceKind;
  readonly fits: boolean;
  readonly gpuLayers: number;
  readonly totalLayers: number;
  readonly cpuExpertLayers: number;
  readonly contextSize: number;
  readonly slots: number;
  readonly kvCacheType: KvCacheType;
  readonly memory: MemoryEstimate;
  /** Null where bandwidths are not known. */
  readonly decodeTokensPerSecond: number | null;
  readonly reasons: readonly string[];
}

export interface PlanResult {
  /** Null when nothing fits. */
  readonly chosen: Plan | null;
  /** Best first; of each variant and device, its best placement. */
  readonly candidates: readonly Plan[];
}

interface Candidate {
  readonly variant: VariantFacts;
  readonly plan: Plan;
  readonly quality: number;
  readonly reachesFloor: boolean;
  readonly bytesPerToken: number;
}

/**
 * Ranks every variant on every device: fits, reaches the objective's speed, loses least quality, is fastest.
 * Pure: the same input gives the same plan, in whatever order variants and devices come.
 */
export function plan(request: PlanRequest, snapshot: PlanSnapshot): PlanResult {
  const candidates = snapshot.variants
    .filter((variant) => request.quantization === null || variant.quantization === request.quantization)
    .flatMap((variant) =>
      snapshot.devices
        .filter((device) => request.deviceId === null || device.id === request.deviceId)
        .filter((device) => snapshot.capabilities[device.backendId]?.formats.includes(variant.format))
        .map((device) => candidate(variant, device, request, snapshot)),
    )
    .sort(compare);
  const explained = candidates.map(({ plan }, index) => ({
    ...plan,
    reasons: [...plan.reasons, ...rankReasons(candidates, index, request)],
  }));
  const best = explained[0];
  return { chosen: best?.fits === true ? best : null, candidates: explained };
}

function candidate(
  variant: VariantFacts,
  device: DeviceFacts,
  request: PlanRequest,
  snapshot: PlanSnapshot,
): Candidate {
  const { placement, memory, fits, reasons } = placements(variant, device, request, snapshot);
  const speed = decodeTokensPerSecond(variant, placement, { device, host: snapshot.host });
  const read = bytesPerToken(variant, placement, device.kind === 'CPU');
  return {
    variant,
    quality: qualityRank(variant),
    reachesFloor: speed === null ? read.host === 0 : speed >= SPEED_FLOOR[request.objective],
    bytesPerToken: read.device + read.host,
    plan: {
      variantId: variant.id,
      quantization: variant.quantization,
      backendId: device.backendId,
      deviceId: device.id,
      deviceName: device.name,
      deviceKind: device.kind,
      fits,
      gpuLayers: placement.gpuLayers,
      totalLayers: totalLayers(variant.weights),
      cpuExpertLayers: placement.cpuExpertLayers,
      contextSize: placement.contextSize,
      slots: placement.slots,
      kvCacheType: placement.kvCacheType,
      memory,
      decodeTokensPerSecond: speed,
      reasons,
    },
  };
}

type Order = (a: Candidate, b: Candidate) => number;

/** Lexicographic: the first that tells two candidates apart decides. */
const ORDER: readonly Order[] = [
  (a, b) => Number(b.plan.fits) - Number(a.plan.fits),
  (a, b) => Number(b.reachesFloor) - Number(a.reachesFloor),
  (a, b) => (a.reachesFloor ? 0 : compareSpeed(a, b)),
  (a, b) => a.quality - b.quality,
  (a, b) => compareSpeed(a, b),
  (a, b) => a.bytesPerToken - b.bytesPerToken,
  (a, b) => b.plan.slots - a.plan.slots,
  (a, b) => compareText(a.plan.variantId, b.plan.variantId),
  (a, b) => compareText(a.plan.deviceId, b.plan.deviceId),
];

function compare(a: Candidate, b: Candidate): number {
  for (const order of ORDER) {
    const result = order(a, b);
    if (result !== 0) return result;
  }
  return 0;
}

function compareSpeed(a: Candidate, b: Candidate): number {
  return speedKey(b.plan) - speedKey(a.plan);
}

/** A total order: what is known before what is not, then a GPU before a CPU. */
function speedKey({ decodeTokensPerSecond: speed, deviceKind }: Plan): number {
  return speed ?? (deviceKind === 'CPU' ? -2 : -1);
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function rankReasons(candidates: readonly Candidate[], index: number, request: PlanRequest): string[] {
  const current = candidates[index]!;
  const winner = candidates[0]!;
  if (!current.plan.fits) return [];
  const floor = `the ${SPEED_FLOOR[request.objective]} tokens/s that ${request.objective} asks for`;
  if (index === 0) {
    const speed = current.plan.decodeTokensPerSecond;
    if (request.quantization !== null) return [`${request.quantization} was asked for.`];
    if (!current.reachesFloor) return [`Nothing reaches ${floor}: this is the fastest.`];
    const reach = speed === null ? '' : ` that reaches ${floor}`;
    return [`Loses the least quality of what fits${reach}; beyond Q6_K no gain can be measured.`];
  }
  if (winner.reachesFloor && !current.reachesFloor) return [`Slower than ${floor}.`];
  if (current.quality > winner.quality) return [`Loses more quality than ${winner.plan.quantization}.`];
  return [`No measurable gain over ${winner.plan.quantization} on ${winner.plan.deviceName}, and slower.`];
}

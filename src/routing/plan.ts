import { obstacles } from './browser-needs.ts';
import { SPEED_FLOOR, type Candidate } from './candidate.ts';
import { targetsOf, type DeviceKind, type RuntimeCapabilities, type Target } from './device.ts';
import { totalLayers, type MemoryEstimate } from './footprint.ts';
import type { KvCacheType } from './ggml-types.ts';
import {
  fits as isFitting,
  placements,
  type PlacementChoice,
  type PlacementSubject,
  type Shortfall,
} from './placements.ts';
import type { PlanRequest, PlanSnapshot } from './plan-request.ts';
import { qualityRank } from './quality.ts';
import { placementReasons, rankReason, shortfallReasons } from './reasons.ts';
import { bytesPerToken, decodeTokensPerSecond } from './speed.ts';
import type { VariantFacts } from './weights.ts';

/** One way to run a variant. Bytes, tokens; `gpuLayers` of `totalLayers`. */
export interface Plan {
  readonly variantId: string;
  readonly quantization: string;
  readonly backendId: string;
  /** The target's id: a device's, or those of several joined with `+`. */
  readonly deviceId: string;
  readonly deviceName: string;
  readonly deviceKind: DeviceKind;
  /** What each device of the target holds. */
  readonly shares: readonly DeviceShare[];
  readonly fits: boolean;
  readonly gpuLayers: number;
  readonly totalLayers: number;
  readonly cpuExpertLayers: number;
  readonly contextSize: number;
  readonly slots: number;
  readonly kvCacheType: KvCacheType;
  readonly batchSize: number;
  readonly memory: MemoryEstimate;
  /** Null where bandwidths are not known. */
  readonly decodeTokensPerSecond: number | null;
  /** The limits it breaks; none when it fits. */
  readonly shortfalls: readonly Shortfall[];
  /** What stands against it whatever memory there is: features and limits of a browser's GPU, a model library. */
  readonly obstacles: readonly string[];
  readonly reasons: readonly string[];
}

export interface DeviceShare {
  readonly deviceId: string;
  readonly layers: number;
  readonly bytes: number;
}

export interface PlanResult {
  /** Null when nothing fits. */
  readonly chosen: Plan | null;
  /** Best first; of each variant, target and kind of placement, the best. */
  readonly candidates: readonly Plan[];
}

/**
 * Ranks every variant on every target: fits, reaches the objective's speed, loses least quality, is fastest.
 * Pure: the same input gives the same plan, in whatever order variants and devices come.
 */
export function plan(request: PlanRequest, snapshot: PlanSnapshot): PlanResult {
  const candidates = candidatesOf(request, snapshot).sort(compare);
  const bestOf = new Map(
    candidates
      .filter((each) => each.fits)
      .reverse()
      .map((each) => [each.target, each]),
  );
  const explained = candidates.map((each, index) => {
    const reasons = each.fits
      ? placementReasons(each, request, snapshot)
      : shortfallReasons(each, bestOf.get(each.target), { request, snapshot });
    const rank = rankReason(candidates, index, request);
    if (rank !== null) reasons.push(rank);
    return explain(each, reasons);
  });
  const best = explained[0];
  return { chosen: best?.fits === true ? best : null, candidates: explained };
}

/** With the runtime's own KV type; with smaller ones too only where nothing fits with that and none was asked for. */
function candidatesOf(request: PlanRequest, snapshot: PlanSnapshot): Candidate[] {
  const { quantization, deviceId, kvCacheType } = request;
  const variants = snapshot.variants.filter(
    (variant) => quantization === null || variant.quantization === quantization,
  );
  const targets = targetsOf(snapshot.devices, snapshot.capabilities).filter(
    ({ id }) => deviceId === null || id === deviceId,
  );
  const withKvTypes = (choose: (offered: readonly KvCacheType[]) => readonly KvCacheType[]) => {
    const found: Candidate[] = [];
    for (const target of targets) {
      const runtime = snapshot.capabilities[target.backendId];
      const types = choose(runtime?.kvCacheTypes ?? []);
      for (const variant of variants) {
        if (runtime === undefined || !canRun(target, runtime, variant)) continue;
        const subject = { variant, target, request, snapshot };
        types.forEach((type) =>
          placements(subject, type).forEach((choice) => found.push(candidate(subject, choice))),
        );
      }
    }
    return found;
  };
  if (kvCacheType !== null) return withKvTypes((offered) => offered.filter((type) => type === kvCacheType));
  const own = withKvTypes((offered) => offered.slice(0, 1));
  return own.some((each) => each.fits) ? own : [...own, ...withKvTypes((offered) => offered.slice(1))];
}

const canRun = ({ devices }: Target, { formats }: RuntimeCapabilities, { format }: VariantFacts): boolean =>
  devices.every((device) => (device.formats ?? formats).includes(format));

function candidate(
  { variant, target, request, snapshot }: PlacementSubject,
  choice: PlacementChoice,
): Candidate {
  const { host, capabilities } = snapshot;
  const isWhole = target.kind === 'CPU' || !capabilities[target.backendId]!.partialOffload;
  const against = obstacles(variant, target, request.slots);
  const read = bytesPerToken(variant, choice.placement, isWhole);
  const speed = decodeTokensPerSecond(variant, read, { target, host });
  // Where no speed is known, only what never waits for the host is taken to be fast enough.
  const reachesFloor =
    speed === null ? read.host === 0 && isGpu(target) : speed >= SPEED_FLOOR[request.objective];
  return {
    variant,
    target,
    choice,
    fits: isFitting(choice) && against.length === 0,
    obstacles: against,
    speed,
    quality: qualityRank(variant),
    reachesFloor,
    speedKey: speed ?? unknownSpeedKey(reachesFloor, target),
    bytesPerToken: read.device + read.host,
    missingBytes:
      against.length > 0
        ? Infinity
        : choice.shortfalls.reduce((sum, { missingBytes }) => sum + missingBytes, 0),
  };
}

function explain(
  { variant, target, choice, fits, speed, obstacles: against }: Candidate,
  reasons: readonly string[],
): Plan {
  const { placement, memory, shortfalls } = choice;
  return {
    variantId: variant.id,
    quantization: variant.quantization,
    backendId: target.backendId,
    deviceId: target.id,
    deviceName: target.name,
    deviceKind: target.kind,
    shares: choice.parts.map(({ layers, bytes }, index) => ({
      deviceId: target.devices[index]!.id,
      layers,
      bytes,
    })),
    fits,
    gpuLayers: placement.gpuLayers,
    totalLayers: totalLayers(variant.weights),
    cpuExpertLayers: placement.cpuExpertLayers,
    contextSize: placement.contextSize,
    slots: placement.slots,
    kvCacheType: placement.kvCacheType,
    batchSize: placement.batchSize,
    memory,
    decodeTokensPerSecond: speed,
    shortfalls,
    reasons,
    obstacles: against,
  };
}

type Order = (a: Candidate, b: Candidate) => number;

const KV_TYPE_ORDER: Readonly<Record<KvCacheType, number>> = { F16: 0, Q8_0: 1, Q4_0: 2 };
const kvTypeOrder = ({ choice }: Candidate): number => KV_TYPE_ORDER[choice.placement.kvCacheType];

/** Not a CPU, and not a GPU that a CPU pretends to be: which is slower than the CPU by itself. */
const isGpu = ({ kind, devices }: Target): boolean =>
  kind !== 'CPU' && !devices.some(({ webGpu }) => webGpu?.isFallbackAdapter === true);

/** What is known comes before what is not, then what waits for no host, then a GPU before a CPU, a GPU in software last. */
function unknownSpeedKey(reachesFloor: boolean, target: Target): number {
  if (reachesFloor) return -1;
  if (target.kind === 'CPU') return -3;
  return isGpu(target) ? -2 : -4;
}

/** Lexicographic: the first that tells two candidates apart decides. */
const ORDER: readonly Order[] = [
  (a, b) => Number(b.fits) - Number(a.fits),
  (a, b) => (a.fits || a.missingBytes === b.missingBytes ? 0 : a.missingBytes - b.missingBytes),
  (a, b) => kvTypeOrder(a) - kvTypeOrder(b),
  (a, b) => Number(b.reachesFloor) - Number(a.reachesFloor),
  (a, b) => (a.reachesFloor ? 0 : compareSpeed(a, b)),
  (a, b) => a.quality - b.quality,
  (a, b) => compareSpeed(a, b),
  (a, b) => a.target.devices.length - b.target.devices.length,
  (a, b) => a.bytesPerToken - b.bytesPerToken,
  (a, b) => b.choice.placement.slots - a.choice.placement.slots,
  (a, b) => compareText(a.variant.id, b.variant.id),
  (a, b) => compareText(a.target.id, b.target.id),
  (a, b) => a.choice.placement.cpuExpertLayers - b.choice.placement.cpuExpertLayers,
];

function compare(a: Candidate, b: Candidate): number {
  for (const order of ORDER) {
    const result = order(a, b);
    if (result !== 0) return result;
  }
  return 0;
}

const compareSpeed = (a: Candidate, b: Candidate): number => b.speedKey - a.speedKey;

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

import type { DeviceFacts, Target } from './device.ts';
import {
  gpuFootprint,
  cumulatedShares,
  splitFootprint,
  totalLayers,
  wholeFootprint,
  type MemoryEstimate,
  type SplitPart,
} from './footprint.ts';
import type { Placement } from './placement.ts';
import type { KvCacheType } from './ggml-types.ts';
import type { PlanRequest, PlanSnapshot } from './plan-request.ts';
import type { VariantFacts } from './weights.ts';

/** A placement with what it needs, and what of that is missing. */
export interface PlacementChoice {
  readonly placement: Placement;
  readonly memory: MemoryEstimate;
  /** One per device of the target, in its order. */
  readonly parts: readonly SplitPart[];
  readonly shortfalls: readonly Shortfall[];
}

export type MemoryLimit = 'DEVICE_MEMORY' | 'HOST_MEMORY';

/** A limit that a placement breaks. Bytes. */
export interface Shortfall {
  readonly limit: MemoryLimit;
  readonly deviceId: string | null;
  readonly neededBytes: number;
  /** Free memory less the margin: below 0 where not even that is free, so that what is missing is all that is. */
  readonly availableBytes: number;
  readonly missingBytes: number;
}

/** What placements are made for and measured against. */
export interface PlacementSubject {
  readonly variant: VariantFacts;
  readonly target: Target;
  readonly request: PlanRequest;
  readonly snapshot: PlanSnapshot;
}

/** A placement with its bytes. */
type Measured = Omit<PlacementChoice, 'shortfalls'>;

/** Lays out one variant on one target. */
interface Layout {
  readonly measure: (placement: Placement) => Measured;
  readonly isWithin: (measured: Measured) => boolean;
  /** Bytes left over on the device that has the least left; below 0 where something is missing. */
  readonly deviceRoom: (measured: Measured) => number;
  readonly shortfalls: (measured: Measured) => readonly Shortfall[];
}

/**
 * The placements worth ranking of one variant on one target: as many whole layers as fit and, where the runtime
 * can, everything on the device but the experts of as few layers as need be. When nothing fits, what lacks least.
 */
export function placements(subject: PlacementSubject, kvCacheType: KvCacheType): PlacementChoice[] {
  const { request, target, variant, snapshot } = subject;
  const runtime = snapshot.capabilities[target.backendId]!;
  const layers = totalLayers(variant.weights);
  const isWhole = target.kind === 'CPU' || !runtime.partialOffload;
  const base: Placement = {
    gpuLayers: target.kind === 'CPU' ? 0 : layers,
    cpuExpertLayers: 0,
    contextSize: request.contextSize,
    slots: request.slots,
    kvCacheType,
    batchSize: request.batchSize ?? runtime.batchSize,
  };
  const layout = layoutOf(subject, isWhole);
  const finish = (measured: Measured): PlacementChoice => {
    const grown = layout.isWithin(measured) ? growSlots(measured, request.slotsWanted, layout) : measured;
    const { placement, memory, parts } = grown;
    return { placement, memory, parts, shortfalls: layout.shortfalls(grown) };
  };
  const whole = layout.measure(base);
  if (isWhole) return [finish(whole)];
  if (request.gpuLayers !== null)
    return [finish(layout.measure({ ...base, gpuLayers: Math.min(request.gpuLayers, layers) }))];
  if (layout.isWithin(whole)) return [finish(whole)];
  const choices = [finish(mostLayers(whole, layout))];
  if (runtime.cpuExperts && variant.weights.experts !== null)
    choices.push(finish(fewestHostExperts(whole, layout)));
  return choices;
}

export const fits = ({ shortfalls }: PlacementChoice): boolean => shortfalls.length === 0;

function layoutOf({ variant: { weights }, target, snapshot }: PlacementSubject, isWhole: boolean): Layout {
  const { host, margins } = snapshot;
  const isCpu = target.kind === 'CPU';
  const units = target.devices.flatMap(unitsOf);
  const margin = isCpu ? margins.hostBytes : margins.deviceBytes;
  const available = target.devices.map(
    ({ memoryFreeBytes, units: count = 1 }) => memoryFreeBytes - margin * count,
  );
  const hostAvailable = isWhole ? Infinity : host.memoryFreeBytes - margins.hostBytes;
  const shares = cumulatedShares(units);
  const layersAtMost = isCpu ? 0 : totalLayers(weights);
  const deviceRoom = ({ parts }: Measured) => {
    let least = Infinity;
    for (let index = 0; index < parts.length; index++)
      least = Math.min(least, available[index]! - parts[index]!.bytes);
    return least;
  };
  const isWithin = (measured: Measured) =>
    deviceRoom(measured) >= 0 && measured.memory.hostTotalBytes <= hostAvailable;
  return {
    measure(placement) {
      if (units.length > 1) {
        const { memory, parts } = splitFootprint(weights, placement, shares);
        const whole = { layers: Math.min(placement.gpuLayers, layersAtMost), bytes: memory.deviceTotalBytes };
        return { placement, memory, parts: target.devices.length === 1 ? [whole] : parts };
      }
      const memory = isWhole ? wholeFootprint(weights, placement) : gpuFootprint(weights, placement);
      const layers = Math.min(placement.gpuLayers, layersAtMost);
      return { placement, memory, parts: [{ layers, bytes: memory.deviceTotalBytes }] };
    },
    deviceRoom,
    isWithin,
    shortfalls(measured) {
      if (isWithin(measured)) return NONE;
      const limit = isCpu ? 'HOST_MEMORY' : 'DEVICE_MEMORY';
      const found = measured.parts.flatMap(({ bytes }, index) =>
        shortfall(limit, target.devices[index]!.id, [bytes, available[index]!]),
      );
      return [...found, ...shortfall('HOST_MEMORY', null, [measured.memory.hostTotalBytes, hostAvailable])];
    },
  };
}

/** Free bytes; where only a sum is known, each unit is taken to have its part of it. */
function unitsOf({ memoryFreeBytes, units = 1 }: DeviceFacts): number[] {
  return new Array<number>(units).fill(memoryFreeBytes / units);
}

const NONE: readonly Shortfall[] = [];

function shortfall(
  limit: MemoryLimit,
  deviceId: string | null,
  [neededBytes, availableBytes]: readonly [number, number],
): Shortfall[] {
  if (neededBytes <= availableBytes) return [];
  return [{ limit, deviceId, neededBytes, availableBytes, missingBytes: neededBytes - availableBytes }];
}

/**
 * The most layers, but not all, that fit on the device, one at least: more layers also spare the host. Bytes grow
 * evenly with the layers, so that the first guess is seldom more than one off.
 */
function mostLayers(whole: Measured, layout: Layout): Measured {
  const at = (gpuLayers: number) => layout.measure({ ...whole.placement, gpuLayers });
  const most = whole.placement.gpuLayers - 1;
  const one = at(1);
  const perLayer = (at(most).memory.deviceTotalBytes - one.memory.deviceTotalBytes) / Math.max(1, most - 1);
  const guess = 1 + Math.floor(layout.deviceRoom(one) / Math.max(1, perLayer));
  let layers = Math.max(1, Math.min(most, guess));
  let best = at(layers);
  while (layers > 1 && layout.deviceRoom(best) < 0) best = at(--layers);
  while (layers < most) {
    const more = at(++layers);
    if (layout.deviceRoom(more) < 0) break;
    best = more;
  }
  return best;
}

/** All layers on the device, and on the host the experts of no more of them than must. */
function fewestHostExperts(whole: Measured, layout: Layout): Measured {
  const at = (cpuExpertLayers: number) => layout.measure({ ...whole.placement, cpuExpertLayers });
  let [low, high] = [0, whole.placement.gpuLayers - 1];
  let best = at(high);
  while (layout.isWithin(best) && high - low > 1) {
    const middle = (low + high) >> 1;
    const tried = at(middle);
    if (layout.isWithin(tried)) [high, best] = [middle, tried];
    else low = middle;
  }
  return best;
}

function growSlots(from: Measured, wanted: number, layout: Layout): Measured {
  let best = from;
  while (best.placement.slots < wanted) {
    const grown = layout.measure({ ...best.placement, slots: best.placement.slots + 1 });
    if (!layout.isWithin(grown)) break;
    best = grown;
  }
  return best;
}

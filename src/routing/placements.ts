import { browserFootprint } from './browser-needs.ts';
import { marginOf, type DeviceFacts, type Target } from './device.ts';
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
import type { VariantFacts, WeightFacts } from './weights.ts';

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
  const layout = new Layout(subject, isWhole);
  const slotsWanted = variant.format === 'MLC' ? request.slots : request.slotsWanted;
  const finish = (measured: Measured): PlacementChoice => {
    const grown = layout.isWithin(measured) ? growSlots(measured, slotsWanted, layout) : measured;
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

/** What a target has, the same for every variant. */
interface Limits {
  /** Per device, less the margin. */
  readonly available: readonly number[];
  readonly hostAvailable: number;
  /** How layers are dealt out; of one device or unit just one share. */
  readonly shares: readonly number[];
}

/** Targets are made anew for each plan, and so is what is known of them. */
const LIMITS = new WeakMap<Target, Limits>();

function limitsOf(target: Target, { host, margins }: PlanSnapshot): Limits {
  const known = LIMITS.get(target);
  if (known !== undefined) return known;
  const limits = {
    available: target.devices.map((device) => device.memoryFreeBytes - marginOf(device, margins)),
    hostAvailable: host.memoryFreeBytes - margins.hostBytes,
    shares: cumulatedShares(target.devices.flatMap(unitsOf)),
  };
  LIMITS.set(target, limits);
  return limits;
}

/** Lays out one variant on one target. */
class Layout {
  readonly #variant: VariantFacts;
  readonly #weights: WeightFacts;
  readonly #target: Target;
  readonly #limits: Limits;
  readonly #isWhole: boolean;
  readonly #layersAtMost: number;

  constructor({ variant, target, snapshot }: PlacementSubject, isWhole: boolean) {
    const { weights } = variant;
    this.#variant = variant;
    this.#weights = weights;
    this.#target = target;
    this.#limits = limitsOf(target, snapshot);
    this.#isWhole = isWhole;
    this.#layersAtMost = target.kind === 'CPU' ? 0 : totalLayers(weights);
  }

  measure(placement: Placement): Measured {
    const { shares } = this.#limits;
    const layers = Math.min(placement.gpuLayers, this.#layersAtMost);
    if (shares.length > 1) {
      const { memory, parts } = splitFootprint(this.#weights, placement, shares);
      const isOne = this.#target.devices.length === 1;
      return { placement, memory, parts: isOne ? [{ layers, bytes: memory.deviceTotalBytes }] : parts };
    }
    const memory = this.#footprint(placement);
    return { placement, memory, parts: [{ layers, bytes: memory.deviceTotalBytes }] };
  }

  #footprint(placement: Placement): MemoryEstimate {
    const { mlc } = this.#variant;
    if (mlc !== null && mlc !== undefined) return browserFootprint(this.#variant, mlc, placement);
    return this.#isWhole ? wholeFootprint(this.#weights, placement) : gpuFootprint(this.#weights, placement);
  }

  /** Bytes left over on the device that has the least left; below 0 where something is missing. */
  deviceRoom({ parts }: Measured): number {
    const { available } = this.#limits;
    let least = Infinity;
    for (let index = 0; index < parts.length; index++)
      least = Math.min(least, available[index]! - parts[index]!.bytes);
    return least;
  }

  isWithin(measured: Measured): boolean {
    const { hostAvailable } = this.#limits;
    const isHostEnough = this.#isWhole || measured.memory.hostTotalBytes <= hostAvailable;
    return isHostEnough && this.deviceRoom(measured) >= 0;
  }

  shortfalls(measured: Measured): readonly Shortfall[] {
    if (this.isWithin(measured)) return NONE;
    const { available, hostAvailable } = this.#limits;
    const limit = this.#target.kind === 'CPU' ? 'HOST_MEMORY' : 'DEVICE_MEMORY';
    const found = measured.parts.flatMap(({ bytes }, index) =>
      shortfall(limit, this.#target.devices[index]!.id, [bytes, available[index]!]),
    );
    if (this.#isWhole) return found;
    return [...found, ...shortfall('HOST_MEMORY', null, [measured.memory.hostTotalBytes, hostAvailable])];
  }
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

/** As many slots as are wanted or, where that is too many, as fit. */
function growSlots(from: Measured, wanted: number, layout: Layout): Measured {
  const at = (slots: number) => layout.measure({ ...from.placement, slots });
  if (from.placement.slots >= wanted) return from;
  const all = at(wanted);
  if (layout.isWithin(all)) return all;
  let best = from;
  for (let slots = from.placement.slots + 1; slots < wanted; slots++) {
    const grown = at(slots);
    if (!layout.isWithin(grown)) break;
    best = grown;
  }
  return best;
}

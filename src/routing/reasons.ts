import { SPEED_FLOOR, type Candidate } from './candidate.ts';
import { marginOf, type Target } from './device.ts';
import { totalLayers } from './footprint.ts';
import { fits, placements, type Shortfall } from './placements.ts';
import type { PlanRequest, PlanSnapshot } from './plan-request.ts';
import { gib } from './units.ts';

/** Sentences for people. Each names its numbers; the same numbers are typed fields of the plan. */

/** Why a candidate that fits is laid out as it is. */
export function placementReasons(
  { variant, target, choice }: Candidate,
  request: PlanRequest,
  { margins }: PlanSnapshot,
): string[] {
  const { placement, memory, parts } = choice;
  const isCpu = target.kind === 'CPU';
  const room = `${gib(memory.deviceTotalBytes)} of ${roomOf(target, margins)}`;
  const notes =
    placement.kvCacheType === 'F16' ? [] : [`The KV cache is ${placement.kvCacheType}: F16 fits nowhere.`];
  if (isCpu) return [`Fits in host memory: ${room}.`, ...notes];
  const layers = totalLayers(variant.weights);
  if (placement.cpuExpertLayers > 0)
    notes.push(`The experts of ${placement.cpuExpertLayers} layers stay in host memory.`);
  if (parts.length > 1) notes.push(`Layers per device: ${parts.map((part) => part.layers).join(', ')}.`);
  const isAll = placement.gpuLayers >= layers;
  const why = isAll ? '' : request.gpuLayers === null ? ', all that fit' : ', as asked for';
  return [
    `${Math.min(placement.gpuLayers, layers)} of ${layers} layers on the device${why}: ${room}.`,
    ...notes,
  ];
}

/** The same for every variant on a target. */
const ROOMS = new WeakMap<Target, string>();

function roomOf(target: Target, margins: PlanSnapshot['margins']): string {
  const known = ROOMS.get(target);
  if (known !== undefined) return known;
  const free = target.devices.reduce((sum, { memoryFreeBytes }) => sum + memoryFreeBytes, 0);
  const margin = target.devices.reduce((sum, device) => sum + marginOf(device, margins), 0);
  const room = `${gib(free)} free, ${gib(margin)} kept as margin`;
  ROOMS.set(target, room);
  return room;
}

/** Which limits a candidate breaks, and what would make it fit. */
export function shortfallReasons(
  candidate: Candidate,
  /** The best candidate on the same target, where one fits. */
  fitting: Candidate | undefined,
  { request, snapshot }: { request: PlanRequest; snapshot: PlanSnapshot },
): string[] {
  const { obstacles, choice } = candidate;
  const reasons = [
    ...obstacles,
    ...choice.shortfalls.map((shortfall) => lacks(shortfall, candidate, snapshot)),
  ];
  // What no memory can mend: another context would not either.
  if (obstacles.length > 0) return fitting === undefined ? reasons : [...reasons, instead(fitting)];
  const contextSize = fittingContext(candidate, request, snapshot);
  const remedies = [
    ...(contextSize === null ? [] : [`a context of ${contextSize}`]),
    ...(fitting === undefined ? [] : [`${fitting.variant.quantization}, which does`]),
    ...(choice.shortfalls.length === 0 ? [] : [`${gib(most(choice.shortfalls))} more memory`]),
  ];
  return [...reasons, `Would fit with ${remedies.join(', or ')}.`];
}

const instead = ({ variant }: Candidate): string => `${variant.quantization} runs there.`;

const most = (shortfalls: readonly Shortfall[]): number =>
  Math.max(...shortfalls.map(({ missingBytes }) => missingBytes));

function lacks(
  { limit, deviceId, ...amounts }: Shortfall,
  { target }: Candidate,
  { margins }: PlanSnapshot,
): string {
  const { neededBytes, availableBytes, missingBytes } = amounts;
  const isHost = limit === 'HOST_MEMORY';
  const where = isHost ? 'host' : target.devices.length > 1 ? `device ${deviceId}` : 'device';
  const device = target.devices.find(({ id }) => id === deviceId);
  const margin = gib(device === undefined ? margins.hostBytes : marginOf(device, margins));
  return (
    `Lacks ${missingBytes} bytes (${gib(missingBytes)}) of ${where} memory: needs ${gib(neededBytes)}, ` +
    `${gib(Math.max(0, availableBytes))} may be used after the margin of ${margin}.`
  );
}

/** The request's context halved until the variant fits, or null when that never happens. */
function fittingContext(
  { variant, target, choice }: Candidate,
  request: PlanRequest,
  snapshot: PlanSnapshot,
) {
  const smallest = 256;
  const place = (contextSize: number) =>
    placements(
      { variant, target, request: { ...request, contextSize, slotsWanted: request.slots }, snapshot },
      choice.placement.kvCacheType,
    ).some(fits);
  if (request.contextSize <= smallest || !place(smallest)) return null;
  let contextSize = request.contextSize >> 1;
  while (contextSize > smallest && !place(contextSize)) contextSize >>= 1;
  return Math.max(smallest, contextSize);
}

/** Why a candidate ranks where it does. */
export function rankReason(ranked: readonly Candidate[], index: number, request: PlanRequest): string | null {
  const current = ranked[index]!;
  const winner = ranked[0]!;
  if (!current.fits) return null;
  const floor = () => `the ${SPEED_FLOOR[request.objective]} tokens/s that ${request.objective} asks for`;
  if (index === 0) {
    if (request.quantization !== null) return `${request.quantization} was asked for.`;
    if (!current.reachesFloor)
      return current.speed === null
        ? 'Loses the least quality of what fits; speeds are not known here before the first run.'
        : `Nothing reaches ${floor()}: this is the fastest.`;
    const reach = current.speed === null ? '' : ` that reaches ${floor()}`;
    return `Loses the least quality of what fits${reach}; beyond Q6_K no gain can be measured.`;
  }
  if (!winner.reachesFloor && winner.speed !== null)
    return `Slower than ${winner.variant.quantization} on ${winner.target.name}.`;
  if (winner.reachesFloor && !current.reachesFloor)
    return current.speed === null ? `Its speed is not known to reach ${floor()}.` : `Slower than ${floor()}.`;
  if (current.quality > winner.quality) return `Loses more quality than ${winner.variant.quantization}.`;
  return `No measurable gain over ${winner.variant.quantization} on ${winner.target.name}, and slower.`;
}

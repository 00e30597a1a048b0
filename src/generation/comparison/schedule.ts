import { asMixgateError, MixgateError } from '../../errors.ts';
import type { Catalog } from '../../models/catalog.ts';
import type { Plan } from '../../routing/plan.ts';
import { poolNeeds } from '../../routing/residency.ts';
import type { AcquireServices } from '../acquire.ts';
import type { Occupant } from '../machine.ts';
import type { GenerationRequest } from '../request.ts';
import { ofLane, type LaneSchedule } from './comparison-request.ts';

/** How the lanes run, and why so. */
export interface ScheduleDecision {
  readonly taken: Exclude<LaneSchedule, 'AUTO'>;
  readonly reasons: readonly string[];
}

export interface Scheduled extends ScheduleDecision {
  /** By lane, where they were planned together; null: the lane is planned when its turn comes. */
  readonly plans: readonly (Plan | null)[];
}

/** What a schedule depends on. */
export interface ScheduleServices extends AcquireServices {
  readonly catalog: Pick<Catalog, 'variant'>;
}
type Services = ScheduleServices;
type Lanes = readonly GenerationRequest[];

/**
 * AUTO runs lanes together only where that cannot skew them: all fit at once, and no two compute on one device.
 * @throws NO_PLAN_FITS, and what planning throws, for TOGETHER where not all lanes fit at once
 */
export async function scheduleLanes(
  asked: LaneSchedule,
  lanes: Lanes,
  services: Services,
): Promise<Scheduled> {
  if (asked === 'IN_TURN') return inTurn(lanes, ['Asked for.']);
  if (asked === 'TOGETHER') return together(lanes, services);
  const plans = await Promise.all(lanes.map((lane) => planAlone(lane, services)));
  const able = plans.filter((plan) => plan !== null);
  const obstacle = sharing(plans, services) ?? shortage(able, services);
  if (obstacle !== null) return inTurn(lanes, [obstacle, 'So that lanes do not skew each other.']);
  return { taken: 'TOGETHER', reasons: ['All lanes fit at once, and each has a device of its own.'], plans };
}

const inTurn = (lanes: Lanes, reasons: readonly string[]): Scheduled => ({
  taken: 'IN_TURN',
  reasons,
  plans: lanes.map(() => null),
});

const ONE_SLOT = { slots: 1, slotsWanted: 1 };

/** Null for a lane that cannot run here: it will fail by itself. */
const planAlone = (lane: GenerationRequest, { planner }: Services): Promise<Plan | null> =>
  planner.choose({ ...lane, ...ONE_SLOT }).catch(() => null);

/** The first two lanes that would compute on the same device. */
function sharing(plans: readonly (Plan | null)[], services: Services): string | null {
  const usedBy = new Map<string, number>();
  for (const [lane, plan] of plans.entries()) {
    if (plan === null) continue;
    for (const device of computesOn(plan, services)) {
      const other = usedBy.get(device);
      if (other !== undefined) return `Lanes ${other} and ${lane} would share ${nameOf(device, plan)}.`;
      usedBy.set(device, lane);
    }
  }
  return null;
}

const nameOf = (device: string, { deviceId, deviceName, deviceKind }: Plan): string => {
  if (deviceId === device) return deviceName;
  const isBrowser = deviceKind === 'WEBGPU' || deviceKind === 'CPU';
  return isBrowser ? 'a CPU: the browser, too, computes on one' : device;
};

/** Ids of the devices that a plan keeps busy: also the CPU where a part stays on it, or where a browser uses one. */
function computesOn(plan: Plan, services: Services): readonly string[] {
  const own = plan.shares.map(({ deviceId }) => deviceId);
  const { hostPool } = services.machine;
  return own.includes(hostPool) || !isOnCpu(plan, services) ? own : [...own, hostPool];
}

/** A browser's CPU may be this machine's. */
function isOnCpu(plan: Plan, services: Services): boolean {
  if (plan.deviceKind === 'CPU') return true;
  return plan.deviceKind === 'WEBGPU' ? isSoftware(plan, services) : isPartial(plan);
}

const isPartial = ({ gpuLayers, totalLayers, cpuExpertLayers }: Plan): boolean =>
  gpuLayers < totalLayers || cpuExpertLayers > 0;

/** A browser runs GGUF on its CPU, and MLC too where its GPU is one in software. */
function isSoftware({ variantId, deviceId }: Plan, { catalog, machine }: Services): boolean {
  if (catalog.variant(variantId).format === 'GGUF') return true;
  return machine.devices().find(({ id }) => id === deviceId)?.webGpu?.isFallbackAdapter ?? false;
}

/** What plans lack to be resident at once, beside what is pinned. */
function shortage(plans: readonly Plan[], { machine, residency }: Services): string | null {
  const occupants = residency.occupants();
  const pinned = occupants.filter(({ isPinned }) => isPinned).map(({ plan }) => plan);
  const fresh = plans.filter((plan) => !pinned.some((other) => suits(other, plan)));
  const needed = new Map<string, number>();
  for (const plan of [...pinned, ...fresh])
    for (const [pool, bytes] of Object.entries(poolNeeds(plan, machine.hostPool)))
      needed.set(pool, (needed.get(pool) ?? 0) + bytes);
  const pools = machine.pools(occupants);
  for (const [pool, bytes] of needed) {
    const available = pools[pool] ?? 0;
    if (bytes > available)
      return `The lanes do not fit at once: ${pool} lacks ${bytes - available} of ${bytes} bytes.`;
  }
  return null;
}

const suits = (loaded: Plan, wanted: Plan): boolean =>
  loaded.variantId === wanted.variantId &&
  loaded.deviceId === wanted.deviceId &&
  loaded.contextSize >= wanted.contextSize;

/** Plans one after the other, each beside those before it; lanes of one variant on one device share a model with as many slots. */
async function together(lanes: Lanes, services: Services): Promise<Scheduled> {
  const { planner } = services;
  const alone: Plan[] = [];
  for (const [index, lane] of lanes.entries())
    alone.push(
      await planner.choose({ ...lane, ...ONE_SLOT }).catch((error) => ofLane(index, () => refuse(error))),
    );
  const groups = groupsOf(alone, lanes);
  const plans: Plan[] = [];
  const besides: Occupant[] = [];
  const pinned = services.residency.occupants().filter(({ isPinned }) => isPinned);
  for (const members of groups.values()) {
    const subject = sharedSubject(members.map((index) => ({ lane: lanes[index]!, plan: alone[index]! })));
    const plan = await planner
      .choose(subject, besides)
      .catch((error) => ofLane(members[0]!, () => refuse(error, 'The lanes do not fit at once. ')));
    for (const index of members) plans[index] = plan;
    if (!pinned.some((occupant) => suits(occupant.plan, plan)))
      besides.push({ plan, isLoaded: false, isPinned: true, measuredBytes: null });
  }
  const lack = shortage([...new Set(plans)], services);
  if (lack !== null) throw new MixgateError('NO_PLAN_FITS', `${lack} ${ADVICE}`);
  return { taken: 'TOGETHER', reasons: ['Asked for, and all lanes fit at once.'], plans };
}

const ADVICE = 'Ask for schedule AUTO or IN_TURN, for less context, or for smaller quantizations.';

function refuse(error: unknown, prefix = ''): never {
  const { code, message, data } = asMixgateError(error);
  if (code !== 'NO_PLAN_FITS' || prefix === '') throw error;
  throw new MixgateError(code, `${prefix}${ADVICE} ${message}`, data);
}

/** The lanes that can share a model, by what they share. */
function groupsOf(plans: readonly Plan[], lanes: Lanes): ReadonlyMap<string, number[]> {
  const groups = new Map<string, number[]>();
  for (const [index, { variantId, deviceId }] of plans.entries()) {
    const shared = JSON.stringify([variantId, deviceId, lanes[index]!.gpuLayers]);
    groups.set(shared, [...(groups.get(shared) ?? []), index]);
  }
  return groups;
}

function sharedSubject(members: readonly { readonly lane: GenerationRequest; readonly plan: Plan }[]) {
  const { lane, plan } = members[0]!;
  if (members.length === 1) return { ...lane, ...ONE_SLOT };
  const contextSize = Math.max(...members.map((member) => member.plan.contextSize));
  const slots = members.length;
  const { quantization, deviceId: device } = plan;
  return { ...lane, quantization, device, contextSize, slots, slotsWanted: slots };
}

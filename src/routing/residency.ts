import { crashLoop, withCrash, withoutCrashes, type Crash } from './crash-loops.ts';
import { makeRoom } from './eviction.ts';
import type { Plan } from './plan.ts';
import { insert, served, withPositions } from './queue-order.ts';
import {
  change,
  find,
  holdsEnough,
  suits,
  withHeld,
  without,
  type PoolBytes,
  type Reduction,
  type ResidencyEffect,
  type ResidencyEvent,
  type ResidencyState,
  type ResidentState,
  type Waiter,
} from './residency-state.ts';

/**
 * What is loaded where, who waits, what to evict: a pure state machine. `reduce` never performs anything; it
 * returns effects, and what they bring about comes back as events.
 */

/** Bytes of each pool that a plan takes; a CPU is its own host, a browser needs nothing of this one. */
export function poolNeeds({ shares, deviceKind, memory }: Plan, hostPool: string): PoolBytes {
  const needs: Record<string, number> = {};
  for (const { deviceId, bytes } of shares) needs[deviceId] = bytes;
  if (deviceKind !== 'CPU' && deviceKind !== 'WEBGPU') needs[hostPool] = memory.hostTotalBytes;
  return needs;
}

export function reduce(before: ResidencyState, event: ResidencyEvent): Reduction {
  const state = { ...before, at: Math.max(before.at, event.at) };
  switch (event.type) {
    case 'requested':
      return serve(insert({ ...state, pools: { ...state.pools, ...event.pools } }, event.waiter));
    case 'withdrawn':
      return serve({ ...state, waiting: state.waiting.filter(({ id }) => id !== event.waiterId) });
    case 'loaded': {
      const { at, loadMs } = event;
      return serve(
        change(state, event.residentId, { status: 'ready', lastUsedAt: at, loadedAt: at, loadMs }),
      );
    }
    case 'loadFailed':
      return loadFailed(crashed(state, event), event.residentId);
    case 'released': {
      const busySlots = Math.max(0, (find(state, event.residentId)?.busySlots ?? 0) - 1);
      const next = change(state, event.residentId, { busySlots, lastUsedAt: event.at });
      const freed = withHeld(next, event.callerId, -1);
      return serve(event.hasAnswered === true ? answered(freed, event.residentId) : freed);
    }
    case 'unloadRequested': {
      const [next, effects] = serve(change(state, event.residentId, { status: 'unloading' }));
      return [next, [{ type: 'unload', residentId: event.residentId }, ...effects]];
    }
    case 'pinned':
      return serve(change(state, event.residentId, { isPinned: event.isPinned }));
    case 'gone':
      return serve(without(crashed(state, event), event.residentId));
    case 'woken':
      return serve(state);
  }
}

function crashed(
  state: ResidencyState,
  { residentId, crash, at }: { readonly residentId: string; readonly crash?: Crash; readonly at: number },
): ResidencyState {
  const resident = find(state, residentId);
  if (crash === undefined || resident === undefined) return state;
  return { ...state, crashes: withCrash(state.crashes, resident.plan, crash, at) };
}

function answered(state: ResidencyState, residentId: string): ResidencyState {
  const resident = find(state, residentId);
  if (resident === undefined || state.crashes.length === 0) return state;
  return { ...state, crashes: withoutCrashes(state.crashes, resident.plan) };
}

/** Whoever could only have used the resident that failed to load is refused; the rest is served on. */
function loadFailed(state: ResidencyState, residentId: string): Reduction {
  const failed = find(state, residentId);
  const refused = state.waiting.filter((waiter) => failed !== undefined && suits(failed, waiter));
  const rest = without(
    { ...state, waiting: state.waiting.filter((waiter) => !refused.includes(waiter)) },
    residentId,
  );
  const [next, effects] = serve(rest);
  return [
    next,
    [...refused.map(({ id }) => ({ type: 'refuse', waiterId: id, residentId }) as const), ...effects],
  ];
}

/**
 * Serves the waiting in order. A waiter takes a free slot of a resident that suits it; else, where none is
 * loaded, it loads one, evicting idle residents if it must. While it waits for memory, nobody behind it may
 * start on a resident of the pools it needs, or it could wait forever; unless it only waits for a resident that
 * took its place to have stayed its time. Who wants only what is loaded waits for nothing else. What crashes again and
 * again is not loaded for a while: who wants it is told so. Whose caller holds as many slots as one may waits for one of
 * those, and loads nothing meanwhile.
 */
function serve(from: ResidencyState): Reduction {
  const effects: ResidencyEffect[] = [];
  const claimed = new Set<string>();
  const left: Waiter[] = [];
  let state = from;
  let wakeAt = Infinity;

  for (const waiter of from.waiting) {
    if (holdsEnough(state, waiter)) {
      left.push(waiter);
      continue;
    }
    const free = state.residents.find((resident) => canStart(resident, waiter, claimed));
    if (free !== undefined) {
      state = served(start(state, free, waiter), waiter);
      effects.push({ type: 'grant', waiterId: waiter.id, residentId: free.id });
      continue;
    }
    if (state.residents.some((resident) => isWorthWaiting(resident, waiter))) {
      left.push(waiter);
      continue;
    }
    if (waiter.onlyLoaded === true) {
      effects.push({ type: 'refuse', waiterId: waiter.id, residentId: null });
      continue;
    }
    const record = crashLoop(state.crashes, waiter.plan, state.at);
    if (record !== undefined) {
      effects.push({ type: 'holdOff', waiterId: waiter.id, record });
      continue;
    }
    const room = makeRoom(state, waiter);
    state = room.state;
    const displaced = room.evicted.map(({ plan }) => plan.variantId);
    left.push(
      displaced.length === 0 ? waiter : { ...waiter, displaced: [...waiter.displaced, ...displaced] },
    );
    effects.push(...room.effects);
    wakeAt = Math.min(wakeAt, room.wakeAt);
    if (!room.effects.some(({ type }) => type === 'load') && room.wakeAt === Infinity)
      Object.keys(waiter.needs).forEach((pool) => claimed.add(pool));
  }

  const [waiting, positions] = withPositions(left);
  if (wakeAt < Infinity) effects.push({ type: 'wake', at: wakeAt });
  return [{ ...state, waiting }, [...positions, ...effects]];
}

function isWorthWaiting(resident: ResidentState, waiter: Waiter): boolean {
  const { status } = resident;
  return (
    (waiter.onlyLoaded === true ? status === 'ready' : status !== 'unloading') && suits(resident, waiter)
  );
}

function start(
  state: ResidencyState,
  { id, busySlots, isPinned }: ResidentState,
  waiter: Waiter,
): ResidencyState {
  const started = change(state, id, {
    busySlots: waiter.wantsSlot ? busySlots + 1 : busySlots,
    isPinned: isPinned || waiter.pins,
  });
  return waiter.wantsSlot ? withHeld(started, waiter.callerId, 1) : started;
}

function canStart(resident: ResidentState, waiter: Waiter, claimed: ReadonlySet<string>): boolean {
  if (resident.status !== 'ready' || !suits(resident, waiter)) return false;
  if (!waiter.wantsSlot) return true;
  return (
    resident.busySlots < resident.plan.slots && !Object.keys(resident.needs).some((pool) => claimed.has(pool))
  );
}

import type { Plan } from './plan.ts';

/**
 * What is loaded where, who waits, what to evict: a pure state machine. `reduce` never performs anything; it
 * returns effects, and what they bring about comes back as events.
 */

export interface ResidencyState {
  /** Bytes that mixgate may use per pool: a device's memory, or the host's. What is resident is part of it. */
  readonly pools: Readonly<Record<string, number>>;
  readonly residents: readonly ResidentState[];
  /** In the order they are served. */
  readonly waiting: readonly Waiter[];
  /** Time of the last event, milliseconds. */
  readonly at: number;
  /** The turn that was served last, and the last one that each waiting caller has: see `insert`. */
  readonly turn: number;
  readonly turns: Readonly<Record<string, number>>;
}

export interface ResidentState {
  readonly id: string;
  readonly plan: Plan;
  readonly needs: PoolBytes;
  readonly status: 'loading' | 'ready' | 'unloading';
  readonly busySlots: number;
  readonly loadedAt: number;
  readonly lastUsedAt: number;
  /** How long it took to load, milliseconds: what it costs to have it back. */
  readonly loadMs: number;
  /** Never evicted. */
  readonly isPinned: boolean;
  /** The variants that left for it. */
  readonly displaced: readonly string[];
}

/** A caller that wants a slot or, without `wantsSlot`, only the model loaded. */
export interface Waiter {
  readonly id: string;
  readonly plan: Plan;
  readonly needs: PoolBytes;
  /** The caller asked for just these GPU layers. */
  readonly layersArePinned: boolean;
  readonly wantsSlot: boolean;
  /** What is loaded for it is never evicted. */
  readonly pins: boolean;
  /** Higher runs first. */
  readonly priority: number;
  /** Who asks: callers of the same priority take turns, however many requests each has. */
  readonly callerId: string;
  /** Last position that was reported. */
  readonly position: number | null;
  /** Its place among the requests of its priority. */
  readonly turn: number;
  /** The variants that were unloaded for it. */
  readonly displaced: readonly string[];
}

/** A waiter as it comes. */
export type NewWaiter = Omit<Waiter, 'position' | 'displaced' | 'turn'>;

export type PoolBytes = Readonly<Record<string, number>>;

export type ResidencyEvent = { readonly at: number } & (
  | {
      readonly type: 'requested';
      readonly waiter: NewWaiter;
      readonly pools: PoolBytes;
    }
  | { readonly type: 'withdrawn'; readonly waiterId: string }
  | { readonly type: 'loaded'; readonly residentId: string; readonly loadMs: number }
  | { readonly type: 'loadFailed'; readonly residentId: string }
  | { readonly type: 'released'; readonly residentId: string }
  | { readonly type: 'unloadRequested'; readonly residentId: string }
  /** Unloaded as asked, or lost. */
  | { readonly type: 'gone'; readonly residentId: string }
  /** The time of a `wake` has come. */
  | { readonly type: 'woken' }
);

export type ResidencyEffect =
  | { readonly type: 'load'; readonly residentId: string; readonly plan: Plan }
  | { readonly type: 'unload'; readonly residentId: string }
  | { readonly type: 'grant'; readonly waiterId: string; readonly residentId: string }
  /** `residentId` is the one whose load failed. */
  | { readonly type: 'refuse'; readonly waiterId: string; readonly residentId: string }
  | { readonly type: 'position'; readonly waiterId: string; readonly ahead: number }
  /** Send `woken` at that time: someone waits for nothing else. */
  | { readonly type: 'wake'; readonly at: number };

export type Reduction = readonly [ResidencyState, readonly ResidencyEffect[]];

export const EMPTY_RESIDENCY: ResidencyState = {
  pools: {},
  residents: [],
  waiting: [],
  at: 0,
  turn: 0,
  turns: {},
};

/** A swapped-in resident stays at least this many times as long as it took to load before its predecessor returns. */
const STAY_FACTOR = 5;
const MAX_STAY_MS = 60_000;

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
      return loadFailed(state, event.residentId);
    case 'released': {
      const busySlots = Math.max(0, (find(state, event.residentId)?.busySlots ?? 0) - 1);
      return serve(change(state, event.residentId, { busySlots, lastUsedAt: event.at }));
    }
    case 'unloadRequested': {
      const [next, effects] = serve(change(state, event.residentId, { status: 'unloading' }));
      return [next, [{ type: 'unload', residentId: event.residentId }, ...effects]];
    }
    case 'gone':
      return serve(without(state, event.residentId));
    case 'woken':
      return serve(state);
  }
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
 * took its place to have stayed its time.
 */
function serve(from: ResidencyState): Reduction {
  const effects: ResidencyEffect[] = [];
  const claimed = new Set<string>();
  const left: Waiter[] = [];
  let state = from;
  let wakeAt = Infinity;

  for (const waiter of from.waiting) {
    const free = state.residents.find((resident) => canStart(resident, waiter, claimed));
    if (free !== undefined) {
      state = served(start(state, free, waiter), waiter);
      effects.push({ type: 'grant', waiterId: waiter.id, residentId: free.id });
      continue;
    }
    if (state.residents.some((resident) => resident.status !== 'unloading' && suits(resident, waiter))) {
      left.push(waiter);
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

function start(
  state: ResidencyState,
  { id, busySlots, isPinned }: ResidentState,
  waiter: Waiter,
): ResidencyState {
  return change(state, id, {
    busySlots: waiter.wantsSlot ? busySlots + 1 : busySlots,
    isPinned: isPinned || waiter.pins,
  });
}

function canStart(resident: ResidentState, waiter: Waiter, claimed: ReadonlySet<string>): boolean {
  if (resident.status !== 'ready' || !suits(resident, waiter)) return false;
  if (!waiter.wantsSlot) return true;
  return (
    resident.busySlots < resident.plan.slots && !Object.keys(resident.needs).some((pool) => claimed.has(pool))
  );
}

interface Room {
  readonly state: ResidencyState;
  readonly evicted: readonly ResidentState[];
  readonly effects: readonly ResidencyEffect[];
  /** When it is worth asking again although nothing else happens; else never. */
  readonly wakeAt: number;
}

/** Loads when there is room; else unloads those of the idle that are worth least, when that makes room. */
function makeRoom(state: ResidencyState, waiter: Waiter): Room {
  if (hasRoom(state, waiter.needs)) return load(state, waiter);
  // What is on its way out will make room without our doing.
  const staying = withoutAll(
    state,
    state.residents.filter(({ status }) => status === 'unloading'),
  );
  if (hasRoom(staying, waiter.needs)) return { state, evicted: [], effects: [], wakeAt: Infinity };
  const evictable = staying.residents.filter(
    ({ status, busySlots, isPinned }) => status === 'ready' && busySlots === 0 && !isPinned,
  );
  const free = evictable.filter((resident) => staysUntil(resident, waiter) <= state.at);
  const evicted = leastWorth(staying, free, waiter.needs);
  if (evicted === null) {
    const isGuarded = leastWorth(staying, evictable, waiter.needs) !== null;
    const until = evictable.map((resident) => staysUntil(resident, waiter)).filter((at) => at > state.at);
    return { state, evicted: [], effects: [], wakeAt: isGuarded ? Math.min(...until) : Infinity };
  }
  return {
    evicted,
    state: evicted.reduce((next, { id }) => change(next, id, { status: 'unloading' }), state),
    effects: evicted.map(({ id }) => ({ type: 'unload', residentId: id })),
    wakeAt: Infinity,
  };
}

function load(state: ResidencyState, waiter: Waiter): Room {
  const { plan, needs } = waiter;
  const resident: ResidentState = {
    id: `${plan.variantId}@${waiter.id}`,
    plan,
    needs,
    status: 'loading',
    busySlots: 0,
    loadedAt: 0,
    lastUsedAt: 0,
    loadMs: 0,
    isPinned: waiter.pins,
    displaced: waiter.displaced,
  };
  const effect = { type: 'load', residentId: resident.id, plan } as const;
  const residents = [...state.residents, resident];
  return { state: { ...state, residents }, evicted: [], effects: [effect], wakeAt: Infinity };
}

/** Until when a resident is safe from a waiter: only from one whose own variant left for it, so that two do not swap at each request. */
function staysUntil({ displaced, loadedAt, loadMs }: ResidentState, { plan }: Waiter): number {
  return displaced.includes(plan.variantId) ? loadedAt + Math.min(MAX_STAY_MS, STAY_FACTOR * loadMs) : 0;
}

/**
 * The residents to unload so that `needs` fit: first those that are idle longest for what they cost to load again, and
 * none whose bytes are not needed. Null when not even all of them make room.
 */
function leastWorth(
  state: ResidencyState,
  candidates: readonly ResidentState[],
  needs: PoolBytes,
): readonly ResidentState[] | null {
  const worth = ({ loadMs, lastUsedAt }: ResidentState) => (loadMs + 1) / (state.at - lastUsedAt + 1);
  const useful = candidates
    .filter((resident) => Object.keys(needs).some((pool) => (resident.needs[pool] ?? 0) > 0))
    .toSorted((a, b) => worth(a) - worth(b));
  const chosen: ResidentState[] = [];
  for (const resident of useful) {
    if (hasRoom(withoutAll(state, chosen), needs)) break;
    chosen.push(resident);
  }
  if (!hasRoom(withoutAll(state, chosen), needs)) return null;
  return chosen.toReversed().reduce<readonly ResidentState[]>((kept, resident) => {
    const fewer = kept.filter((other) => other !== resident);
    return hasRoom(withoutAll(state, fewer), needs) ? fewer : kept;
  }, chosen);
}

function hasRoom({ pools, residents }: ResidencyState, needs: PoolBytes): boolean {
  return Object.entries(needs).every(([pool, bytes]) => {
    const used = residents.reduce((total, resident) => total + (resident.needs[pool] ?? 0), 0);
    return used + bytes <= (pools[pool] ?? 0);
  });
}

function suits({ plan }: ResidentState, waiter: Waiter): boolean {
  return (
    plan.variantId === waiter.plan.variantId &&
    plan.deviceId === waiter.plan.deviceId &&
    plan.contextSize >= waiter.plan.contextSize &&
    (!waiter.layersArePinned || plan.gpuLayers === waiter.plan.gpuLayers) &&
    (waiter.wantsSlot || plan.slots >= waiter.plan.slots)
  );
}

/**
 * Behind everyone of a higher priority, and of the same priority behind everyone whose turn comes first. A caller's
 * next turn is one after its last, or one after the turn being served if that is later: so that one caller's hundred
 * requests and another's one are served alternately, and nobody saves up turns by not asking (start-time fair
 * queueing, Goyal et al. 1996).
 */
function insert(state: ResidencyState, waiter: NewWaiter): ResidencyState {
  const { priority, callerId } = waiter;
  const turn = Math.max(state.turn, state.turns[callerId] ?? 0) + 1;
  const placed: Waiter = { ...waiter, turn, position: null, displaced: [] };
  const isBehind = (other: Waiter) =>
    other.priority < priority || (other.priority === priority && other.turn > turn);
  const index = state.waiting.findIndex(isBehind);
  const waiting = index === -1 ? [...state.waiting, placed] : state.waiting.toSpliced(index, 0, placed);
  return { ...state, waiting, turns: { ...state.turns, [callerId]: turn } };
}

/** A turn was served; callers whose turns are all over need not be remembered. */
function served(state: ResidencyState, { turn: last }: Waiter): ResidencyState {
  const turn = Math.max(state.turn, last);
  const turns = Object.fromEntries(Object.entries(state.turns).filter(([, latest]) => latest > turn));
  return { ...state, turn, turns };
}

function withPositions(waiting: readonly Waiter[]): [readonly Waiter[], ResidencyEffect[]] {
  const effects: ResidencyEffect[] = [];
  const numbered = waiting.map((waiter, ahead) => {
    if (waiter.position === ahead) return waiter;
    effects.push({ type: 'position', waiterId: waiter.id, ahead });
    return { ...waiter, position: ahead };
  });
  return [numbered, effects];
}

const find = (state: ResidencyState, id: string): ResidentState | undefined =>
  state.residents.find((resident) => resident.id === id);

const withoutAll = (state: ResidencyState, gone: readonly ResidentState[]): ResidencyState => ({
  ...state,
  residents: state.residents.filter((resident) => !gone.includes(resident)),
});

const without = (state: ResidencyState, id: string): ResidencyState => ({
  ...state,
  residents: state.residents.filter((resident) => resident.id !== id),
});

const change = (state: ResidencyState, id: string, to: Partial<ResidentState>): ResidencyState => ({
  ...state,
  residents: state.residents.map((resident) => (resident.id === id ? { ...resident, ...to } : resident)),
});

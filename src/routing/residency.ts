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
}

export interface ResidentState {
  readonly id: string;
  readonly plan: Plan;
  readonly needs: PoolBytes;
  readonly status: 'loading' | 'ready' | 'unloading';
  readonly busySlots: number;
  readonly lastUsedAt: number;
}

/** A caller that wants a slot or, without `wantsSlot`, only the model loaded. */
export interface Waiter {
  readonly id: string;
  readonly plan: Plan;
  readonly needs: PoolBytes;
  /** The caller asked for just these GPU layers. */
  readonly layersArePinned: boolean;
  readonly wantsSlot: boolean;
  /** Higher runs first. */
  readonly priority: number;
  /** Last position that was reported. */
  readonly position: number | null;
}

export type PoolBytes = Readonly<Record<string, number>>;

export type ResidencyEvent =
  | { readonly type: 'requested'; readonly waiter: Omit<Waiter, 'position'>; readonly pools: PoolBytes }
  | { readonly type: 'withdrawn'; readonly waiterId: string }
  | { readonly type: 'loaded'; readonly residentId: string; readonly at: number }
  | { readonly type: 'loadFailed'; readonly residentId: string }
  | { readonly type: 'released'; readonly residentId: string; readonly at: number }
  | { readonly type: 'unloadRequested'; readonly residentId: string }
  /** Unloaded as asked, or lost. */
  | { readonly type: 'gone'; readonly residentId: string };

export type ResidencyEffect =
  | { readonly type: 'load'; readonly residentId: string; readonly plan: Plan }
  | { readonly type: 'unload'; readonly residentId: string }
  | { readonly type: 'grant'; readonly waiterId: string; readonly residentId: string }
  /** `residentId` is the one whose load failed. */
  | { readonly type: 'refuse'; readonly waiterId: string; readonly residentId: string }
  | { readonly type: 'position'; readonly waiterId: string; readonly ahead: number };

export type Reduction = readonly [ResidencyState, readonly ResidencyEffect[]];

export const EMPTY_RESIDENCY: ResidencyState = { pools: {}, residents: [], waiting: [] };

/** Bytes of each pool that a plan takes; a CPU is its own host. */
export function poolNeeds(plan: Plan, hostPool: string): PoolBytes {
  const { deviceTotalBytes, hostTotalBytes } = plan.memory;
  return plan.deviceKind === 'CPU'
    ? { [plan.deviceId]: deviceTotalBytes }
    : { [plan.deviceId]: deviceTotalBytes, [hostPool]: hostTotalBytes };
}

export function reduce(state: ResidencyState, event: ResidencyEvent): Reduction {
  switch (event.type) {
    case 'requested':
      return serve({
        ...state,
        pools: { ...state.pools, ...event.pools },
        waiting: insert(state.waiting, { ...event.waiter, position: null }),
      });
    case 'withdrawn':
      return serve({ ...state, waiting: state.waiting.filter(({ id }) => id !== event.waiterId) });
    case 'loaded':
      return serve(change(state, event.residentId, { status: 'ready', lastUsedAt: event.at }));
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
 * start on a resident of the pools it needs, or it could wait forever.
 */
function serve(from: ResidencyState): Reduction {
  const effects: ResidencyEffect[] = [];
  const claimed = new Set<string>();
  const left: Waiter[] = [];
  let state = from;

  for (const waiter of from.waiting) {
    const free = state.residents.find((resident) => canStart(resident, waiter, claimed));
    if (free !== undefined) {
      if (waiter.wantsSlot) state = change(state, free.id, { busySlots: free.busySlots + 1 });
      effects.push({ type: 'grant', waiterId: waiter.id, residentId: free.id });
      continue;
    }
    left.push(waiter);
    if (state.residents.some((resident) => resident.status !== 'unloading' && suits(resident, waiter)))
      continue;
    const [next, made] = makeRoom(state, waiter);
    state = next;
    effects.push(...made);
    if (!made.some(({ type }) => type === 'load'))
      Object.keys(waiter.needs).forEach((pool) => claimed.add(pool));
  }

  const [waiting, positions] = withPositions(left);
  return [{ ...state, waiting }, [...positions, ...effects]];
}

function canStart(resident: ResidentState, waiter: Waiter, claimed: ReadonlySet<string>): boolean {
  if (resident.status !== 'ready' || !suits(resident, waiter)) return false;
  if (!waiter.wantsSlot) return true;
  return (
    resident.busySlots < resident.plan.slots && !Object.keys(resident.needs).some((pool) => claimed.has(pool))
  );
}

/** Loads when there is room; else unloads the idle, least recently used first, when that makes room. */
function makeRoom(state: ResidencyState, waiter: Waiter): Reduction {
  if (hasRoom(state, waiter.needs)) {
    const resident: ResidentState = {
      id: `${waiter.plan.variantId}@${waiter.id}`,
      plan: waiter.plan,
      needs: waiter.needs,
      status: 'loading',
      busySlots: 0,
      lastUsedAt: 0,
    };
    const effect = { type: 'load', residentId: resident.id, plan: waiter.plan } as const;
    return [{ ...state, residents: [...state.residents, resident] }, [effect]];
  }
  // What is on its way out will make room without our doing.
  const staying = withoutAll(
    state,
    state.residents.filter(({ status }) => status === 'unloading'),
  );
  const idle = staying.residents
    .filter(({ status, busySlots }) => status === 'ready' && busySlots === 0)
    .toSorted((a, b) => a.lastUsedAt - b.lastUsedAt);
  const evicted: ResidentState[] = [];
  for (const resident of idle) {
    if (hasRoom(withoutAll(staying, evicted), waiter.needs)) break;
    evicted.push(resident);
  }
  if (!hasRoom(withoutAll(staying, evicted), waiter.needs)) return [state, []];
  return [
    evicted.reduce((next, { id }) => change(next, id, { status: 'unloading' }), state),
    evicted.map(({ id }) => ({ type: 'unload', residentId: id })),
  ];
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

/** Behind everyone of the same or a higher priority. */
function insert(waiting: readonly Waiter[], waiter: Waiter): readonly Waiter[] {
  const index = waiting.findIndex(({ priority }) => priority < waiter.priority);
  return index === -1 ? [...waiting, waiter] : waiting.toSpliced(index, 0, waiter);
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

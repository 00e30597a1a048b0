import {
  change,
  hasRoom,
  withoutAll,
  type PoolBytes,
  type ResidencyEffect,
  type ResidencyState,
  type ResidentState,
  type Waiter,
} from './residency-state.ts';

/** A swapped-in resident stays at least this many times as long as it took to load before its predecessor returns. */
const STAY_FACTOR = 5;
const MAX_STAY_MS = 60_000;

export interface Room {
  readonly state: ResidencyState;
  readonly evicted: readonly ResidentState[];
  readonly effects: readonly ResidencyEffect[];
  /** When it is worth asking again although nothing else happens; else never. */
  readonly wakeAt: number;
}

/** Loads when there is room; else unloads those of the idle that are worth least, when that makes room. */
export function makeRoom(state: ResidencyState, waiter: Waiter): Room {
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
    id: `${plan.variantId}@${waiter.loadsAs ?? waiter.id}`,
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

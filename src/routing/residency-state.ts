import type { Crash, CrashRecord } from './crash-loops.ts';
import type { Plan } from './plan.ts';

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
  /** Of variants that crashed and have not answered since. */
  readonly crashes: readonly CrashRecord[];
  /** Slots that each caller holds. */
  readonly held: Readonly<Record<string, number>>;
  /** Slots that one caller may hold at once; whoever has as many waits, and keeps nobody else waiting. */
  readonly mostHeld: number;
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
  /** Names what is loaded for it, which everybody sees; without, its own id does. */
  readonly loadsAs?: string;
  readonly plan: Plan;
  readonly needs: PoolBytes;
  /** The caller asked for just these GPU layers. */
  readonly layersArePinned: boolean;
  readonly wantsSlot: boolean;
  /** It takes a slot of what is loaded already, and is refused where nothing is: nothing is loaded or evicted for it. */
  readonly onlyLoaded?: boolean;
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
  /** `crash`, here and below, where the runtime died by itself. */
  | { readonly type: 'loadFailed'; readonly residentId: string; readonly crash?: Crash }
  /** `callerId`: who held the slot, if anybody. `hasAnswered`: what had it came to its end. */
  | {
      readonly type: 'released';
      readonly residentId: string;
      readonly callerId: string | null;
      readonly hasAnswered?: boolean;
    }
  | { readonly type: 'unloadRequested'; readonly residentId: string }
  | { readonly type: 'pinned'; readonly residentId: string; readonly isPinned: boolean }
  /** Unloaded as asked, or lost. */
  | { readonly type: 'gone'; readonly residentId: string; readonly crash?: Crash }
  /** The time of a `wake` has come. */
  | { readonly type: 'woken' }
);

export type ResidencyEffect =
  | { readonly type: 'load'; readonly residentId: string; readonly plan: Plan }
  | { readonly type: 'unload'; readonly residentId: string }
  | { readonly type: 'grant'; readonly waiterId: string; readonly residentId: string }
  /** `residentId` is the one whose load failed; null: none is loaded, and none was to be. */
  | { readonly type: 'refuse'; readonly waiterId: string; readonly residentId: string | null }
  /** It crashed too often to be loaded now. */
  | { readonly type: 'holdOff'; readonly waiterId: string; readonly record: CrashRecord }
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
  crashes: [],
  held: {},
  mostHeld: Infinity,
};

export const find = (state: ResidencyState, id: string): ResidentState | undefined =>
  state.residents.find((resident) => resident.id === id);

export const withoutAll = (state: ResidencyState, gone: readonly ResidentState[]): ResidencyState => ({
  ...state,
  residents: state.residents.filter((resident) => !gone.includes(resident)),
});

export const without = (state: ResidencyState, id: string): ResidencyState => ({
  ...state,
  residents: state.residents.filter((resident) => resident.id !== id),
});

export const change = (state: ResidencyState, id: string, to: Partial<ResidentState>): ResidencyState => ({
  ...state,
  residents: state.residents.map((resident) => (resident.id === id ? { ...resident, ...to } : resident)),
});

/** As many slots more, or less, are the caller's. */
export function withHeld(state: ResidencyState, callerId: string | null, change: 1 | -1): ResidencyState {
  if (callerId === null) return state;
  const { [callerId]: before = 0, ...others } = state.held;
  const held = Math.max(0, before + change);
  return { ...state, held: held === 0 ? others : { ...others, [callerId]: held } };
}

/** Whether the caller holds as many slots as it may. What asks only what is loaded takes a moment, and is let through. */
export const holdsEnough = ({ held, mostHeld }: ResidencyState, waiter: Waiter): boolean =>
  waiter.wantsSlot && waiter.onlyLoaded !== true && (held[waiter.callerId] ?? 0) >= mostHeld;

export function hasRoom({ pools, residents }: ResidencyState, needs: PoolBytes): boolean {
  return Object.entries(needs).every(([pool, bytes]) => {
    const used = residents.reduce((total, resident) => total + (resident.needs[pool] ?? 0), 0);
    return used + bytes <= (pools[pool] ?? 0);
  });
}

/** Bytes that a resident may take of the pools of its plan, beside the others that are resident. */
export function roomFor(
  { pools, residents }: ResidencyState,
  { id, plan }: Pick<ResidentState, 'id' | 'plan'>,
) {
  const others = residents.filter((resident) => resident.id !== id);
  const room = plan.shares.map(
    ({ deviceId }) =>
      (pools[deviceId] ?? 0) - others.reduce((sum, { needs }) => sum + (needs[deviceId] ?? 0), 0),
  );
  return Math.max(
    0,
    room.reduce((sum, bytes) => sum + bytes, 0),
  );
}

export function suits({ plan }: ResidentState, waiter: Waiter): boolean {
  return (
    plan.variantId === waiter.plan.variantId &&
    plan.deviceId === waiter.plan.deviceId &&
    plan.contextSize >= waiter.plan.contextSize &&
    (!waiter.layersArePinned || plan.gpuLayers === waiter.plan.gpuLayers) &&
    (waiter.wantsSlot || plan.slots >= waiter.plan.slots)
  );
}

import type { Plan } from '../../src/routing/plan.ts';
import { reduce } from '../../src/routing/residency.ts';
import {
  EMPTY_RESIDENCY,
  type ResidencyEffect,
  type ResidencyEvent,
  type ResidencyState,
} from '../../src/routing/residency-state.ts';

export const MEMORY = 100;

export function planOf(variantId: string, { slots = 1, bytes = 60 } = {}): Plan {
  const parts = { deviceWeightsBytes: bytes, deviceKvCacheBytes: 0, deviceComputeBytes: 0 };
  return {
    variantId,
    quantization: variantId,
    backendId: 'native',
    deviceId: 'gpu',
    deviceName: 'gpu',
    deviceKind: 'CPU',
    fits: true,
    gpuLayers: 0,
    totalLayers: 3,
    cpuExpertLayers: 0,
    contextSize: 2048,
    slots,
    kvCacheType: 'F16',
    batchSize: 512,
    shares: [{ deviceId: 'gpu', layers: 0, bytes }],
    shortfalls: [],
    memory: { ...parts, deviceTotalBytes: bytes, hostTotalBytes: bytes },
    decodeTokensPerSecond: null,
    reasons: [],
    obstacles: [],
  };
}

export type WithoutTime<Event> = Event extends unknown
  ? Omit<Event, 'at' | 'loadMs'> & { at?: number; loadMs?: number }
  : never;
/** At time 0, and loads that took no time, where a test does not say. */
export const timed = (event: WithoutTime<ResidencyEvent>): ResidencyEvent => ({ at: 0, loadMs: 0, ...event });

export const requested = (
  id: string,
  plan: Plan,
  { priority = 0, pins = false, at = 0, onlyLoaded = false, callerId = id } = {},
): WithoutTime<ResidencyEvent> => ({
  at,
  type: 'requested',
  pools: { gpu: MEMORY },
  waiter: {
    id,
    plan,
    needs: { gpu: plan.memory.deviceTotalBytes },
    layersArePinned: false,
    wantsSlot: true,
    pins,
    callerId,
    priority,
    onlyLoaded,
  },
});

/** Feeds events one after the other; the state and all effects. */
export function play(
  events: readonly WithoutTime<ResidencyEvent>[],
  from = EMPTY_RESIDENCY,
): [ResidencyState, ResidencyEffect[]] {
  const effects: ResidencyEffect[] = [];
  let state = from;
  for (const event of events) {
    const [next, made] = reduce(state, timed(event));
    state = next;
    effects.push(...made);
  }
  return [state, effects];
}
export const types = (effects: readonly ResidencyEffect[]) => effects.map(({ type }) => type);
export const residentId = (state: ResidencyState, variantId: string) =>
  state.residents.find(({ plan }) => plan.variantId === variantId)!.id;

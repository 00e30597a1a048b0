import type { LoadRequest } from '../backends/backend.ts';
import { roomFor, type ResidencyState, type ResidentState } from '../routing/residency-state.ts';

interface LoadSettings extends Pick<LoadRequest, 'path' | 'chatTemplate'> {
  readonly hostToleranceBytes: number | null;
}

/** A load as planned, with what it may take: on its devices, what they have beside the others that are resident. */
export function loadRequestOf(
  resident: Pick<ResidentState, 'id' | 'plan'>,
  state: ResidencyState,
  { hostToleranceBytes, ...weights }: LoadSettings,
): LoadRequest {
  const { deviceId, gpuLayers, contextSize, slots, kvCacheType, batchSize, memory } = resident.plan;
  return {
    ...weights,
    ...{ deviceId, gpuLayers, contextSize, slots, kvCacheType, batchSize },
    budgetBytes: roomFor(state, resident),
    hostLimitBytes: hostToleranceBytes === null ? null : memory.hostTotalBytes + hostToleranceBytes,
  };
}

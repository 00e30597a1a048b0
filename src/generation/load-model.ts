import { randomUUID } from 'node:crypto';
import { MixgateError } from '../errors.ts';
import { acquire, type AcquireServices } from './acquire.ts';
import type { ModelLoadRequest } from './request.ts';
import type { ResidentView } from './residency-loop.ts';

/** Loads a model and keeps it, without a generation. @throws what `acquire` throws */
export async function loadModel(
  request: ModelLoadRequest,
  callerId: string,
  services: AcquireServices,
): Promise<ResidentView> {
  const nothing = () => undefined;
  const { lease } = await acquire(
    { ...request, objective: 'BALANCED' },
    { id: randomUUID(), wantsSlot: false, pins: request.pinned, priority: 0, callerId },
    services,
    { signal: new AbortController().signal, onPlan: nothing, onPosition: nothing, onLoading: nothing },
  );
  const view = services.residency.residents().find(({ id }) => id === lease.residentId);
  if (view === undefined)
    throw new MixgateError('BACKEND_CRASHED', 'The model was lost as soon as it was loaded.');
  return view;
}

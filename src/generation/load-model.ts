import { randomUUID } from 'node:crypto';
import { MixgateError } from '../errors.ts';
import { poolNeeds } from '../routing/residency.ts';
import type { Machine } from './machine.ts';
import type { Planner } from './planner.ts';
import type { ModelLoadRequest } from './request.ts';
import type { ResidencyLoop, ResidentView } from './residency-loop.ts';

/** Loads a model and keeps it, without a generation. @throws what `Planner.choose` and the load throw */
export async function loadModel(
  request: ModelLoadRequest,
  { planner, machine, residency }: { planner: Planner; machine: Machine; residency: ResidencyLoop },
): Promise<ResidentView> {
  const plan = await planner.choose({ ...request, objective: 'BALANCED' });
  const lease = await residency.acquire(
    {
      id: randomUUID(),
      plan,
      needs: poolNeeds(plan, machine.hostPool),
      layersArePinned: request.gpuLayers !== null,
      wantsSlot: false,
      priority: 0,
    },
    machine.pools(residency.occupants()),
    { signal: new AbortController().signal, onPosition: () => undefined, onLoading: () => undefined },
  );
  const view = residency.residents().find(({ id }) => id === lease.residentId);
  if (view === undefined)
    throw new MixgateError('BACKEND_CRASHED', 'The model was lost as soon as it was loaded.');
  return view;
}

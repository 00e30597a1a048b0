import { randomUUID } from 'node:crypto';
import { asMixgateError, isOutgrown, type ErrorCode } from '../errors.ts';
import type { Plan } from '../routing/plan.ts';
import { poolNeeds } from '../routing/residency.ts';
import type { Machine } from './machine.ts';
import type { Observer } from './observer.ts';
import type { Planner, PlanSubject } from './planner.ts';
import type { ResidencyLoop } from './residency-loop.ts';
import type { Lease, SlotHooks, SlotRequest } from './slot.ts';

export interface AcquireServices {
  readonly planner: Planner;
  readonly machine: Machine;
  readonly residency: ResidencyLoop;
  readonly observer: Observer;
}

export interface AcquireHooks extends SlotHooks {
  /** The plan that is tried next: the first one, and one more for each that did not get its memory; `after`: that one's error. */
  readonly onPlan: (plan: Plan, after: ErrorCode | null) => void;
}

type Caller = Pick<SlotRequest, 'id' | 'wantsSlot' | 'pins' | 'priority' | 'callerId'>;

/**
 * Plans, unless that was done, and waits for a slot. A load that its device has no memory for is followed by the next
 * rung of the ladder; one whose device is gone, once, by a new plan.
 * @throws what `Planner.choose` and the load throw; OUT_OF_MEMORY when no rung is left, or the runtime outgrew its plan
 */
export async function acquire(
  { planned = null, ...subject }: PlanSubject & { readonly planned?: Plan | null },
  caller: Caller,
  { planner, machine, residency, observer }: AcquireServices,
  hooks: AcquireHooks,
): Promise<{ readonly plan: Plan; readonly lease: Lease }> {
  let plan = planned ?? (await planner.choose(subject));
  let rungs: Plan[] | null = null;
  let isLost = false;
  let after: ErrorCode | null = null;
  while (true) {
    hooks.onPlan(plan, after);
    observer.planTried(plan, after);
    try {
      const needs = poolNeeds(plan, machine.hostPool);
      const request = { ...caller, plan, needs, layersArePinned: subject.gpuLayers !== null };
      return { plan, lease: await residency.acquire(request, machine.pools(residency.occupants()), hooks) };
    } catch (error) {
      const failure = asMixgateError(error);
      if (hooks.signal.aborted) throw error;
      after = failure.code;
      if (failure.code === 'DEVICE_LOST' && !isLost) {
        isLost = true;
        machine.invalidate();
        plan = await planner.choose(subject);
        continue;
      }
      if (failure.code !== 'OUT_OF_MEMORY' || isOutgrown(failure)) throw error;
      rungs ??= planner.ladder(subject, plan);
      machine.noteShortage(plan);
      const next = rungs.shift();
      if (next === undefined) throw failure;
      plan = next;
    }
  }
}

type Wanted = Pick<SlotRequest, 'plan' | 'layersArePinned' | 'priority' | 'callerId'>;

/** A slot of what is loaded already, once one is free: nothing is loaded or evicted for it. @throws NOT_FOUND, or the signal's reason */
export function acquireLoaded(
  wanted: Wanted,
  { machine, residency }: Pick<AcquireServices, 'machine' | 'residency'>,
  signal: AbortSignal,
): Promise<Lease> {
  const nothing = () => undefined;
  const needs = poolNeeds(wanted.plan, machine.hostPool);
  const request = { ...wanted, id: randomUUID(), needs, wantsSlot: true, pins: false, onlyLoaded: true };
  const hooks = { signal, onPosition: nothing, onLoading: nothing };
  return residency.acquire(request, machine.pools(residency.occupants()), hooks);
}

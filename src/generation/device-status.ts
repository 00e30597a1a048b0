import { setTimeout as delay } from 'node:timers/promises';
import type { DeviceFacts } from '../routing/device.ts';
import type { Machine } from './machine.ts';
import type { ResidencyLoop } from './residency-loop.ts';
import { statusOf } from './status.ts';

/** The machine itself is asked once a second at most, milliseconds. */
const LOOK_MS = 500;
/** Free memory moves by itself all the time: less than this is no change, bytes. */
const STEP_BYTES = 16 * 2 ** 20;

/** The devices now, and again whenever they, their memory, what is resident on them or who waits for them has changed. */
export function deviceStatus(
  { machine, residency }: { readonly machine: Machine; readonly residency: ResidencyLoop },
  signal: AbortSignal,
): AsyncGenerator<readonly DeviceFacts[]> {
  const look = async () => {
    // A runtime that does not answer keeps nobody from hearing of the others, and of the queue.
    await Promise.race([machine.refresh(), delay(LOOK_MS)]);
    return machine.devices();
  };
  const keyOf = (devices: readonly DeviceFacts[]) =>
    JSON.stringify([
      devices.map(({ id, memoryFreeBytes, memoryTotalBytes, lender }) => [
        id,
        memoryTotalBytes,
        Math.round(memoryFreeBytes / STEP_BYTES),
        lender?.awayUntil,
      ]),
      residency.residents().map(({ id, busySlots, isPinned }) => [id, busySlots, isPinned]),
      residency.crashLoops().map(({ variantId, deviceId, crashes }) => [variantId, deviceId, crashes]),
      residency.waiting().map(({ id, plan }) => [id, plan.variantId, plan.deviceId]),
    ]);
  return statusOf({ look, keyOf, everyMs: LOOK_MS }, signal);
}

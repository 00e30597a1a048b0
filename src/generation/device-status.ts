import { setTimeout as delay } from 'node:timers/promises';
import type { DeviceFacts } from '../routing/device.ts';
import type { Machine } from './machine.ts';
import type { ResidencyLoop } from './residency-loop.ts';

/** How soon a change is noticed, milliseconds; the machine itself is asked once a second at most. */
const LOOK_MS = 500;
/** Free memory moves by itself all the time: less than this is no change, bytes. */
const STEP_BYTES = 16 * 2 ** 20;

/** The devices now, and again whenever they, their memory or what is resident on them has changed. */
export async function* deviceStatus(
  { machine, residency }: { readonly machine: Machine; readonly residency: ResidencyLoop },
  signal: AbortSignal,
): AsyncGenerator<readonly DeviceFacts[]> {
  let before = '';
  while (!signal.aborted) {
    await machine.refresh();
    const devices = machine.devices();
    const state = JSON.stringify([
      devices.map(({ id, memoryFreeBytes, memoryTotalBytes }) => [
        id,
        memoryTotalBytes,
        Math.round(memoryFreeBytes / STEP_BYTES),
      ]),
      residency.residents().map(({ id, busySlots, isPinned }) => [id, busySlots, isPinned]),
    ]);
    if (state !== before) yield devices;
    before = state;
    await delay(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}

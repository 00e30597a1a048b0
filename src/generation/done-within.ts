import { setTimeout as delay } from 'node:timers/promises';

/** Whether it has settled in time; false means that it goes on. @throws what it rejects with in time */
export async function isDoneWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  const controller = new AbortController();
  const late = delay(ms, false, { signal: controller.signal }).catch(() => false);
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    controller.abort();
  }
}

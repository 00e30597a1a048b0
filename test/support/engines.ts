import { setTimeout as delay } from 'node:timers/promises';
import type { TestGateway } from './gateway.ts';

async function signalRunners(gateway: TestGateway, signal: NodeJS.Signals): Promise<void> {
  for (const runner of await gateway.runners()) process.kill(runner, signal);
}

/** The engines stand still: nothing can be over before somebody has looked. */
export async function frozen(gateway: TestGateway, work: () => Promise<void>): Promise<void> {
  await signalRunners(gateway, 'SIGSTOP');
  try {
    await work();
  } finally {
    await signalRunners(gateway, 'SIGCONT');
  }
}

/** The engines do a little at a time, so that what they say comes in as many events, however busy the machine is. */
export async function crawlUntil(gateway: TestGateway, event: Promise<void>): Promise<void> {
  let isOver = false;
  void event.then(() => (isOver = true));
  while (!isOver) {
    await signalRunners(gateway, 'SIGCONT');
    await delay(3);
    await signalRunners(gateway, 'SIGSTOP');
    await delay(20);
  }
}

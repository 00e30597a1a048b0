import { setTimeout as delay } from 'node:timers/promises';
import type { TestGateway } from './gateway.ts';

async function signalRunners(gateway: TestGateway, signal: NodeJS.Signals): Promise<void> {
  for (const runner of await gateway.runners()) process.kill(runner, signal);
}

/** No engine is there only to describe its devices: standing still, it would hold up whoever plans. */
export async function untilOnlyResidents(gateway: TestGateway): Promise<void> {
  const query = '{ devices { resident { id } } }';
  for (;;) {
    const { data } = await gateway.query<{ devices: { resident: object[] }[] }>(query);
    const residents = data.devices.flatMap(({ resident }) => resident).length;
    if ((await gateway.runners()).length === residents) return;
    await delay(20);
  }
}

/** The engines stand still: nothing can be over before somebody has looked. */
export async function frozen<Result>(gateway: TestGateway, work: () => Promise<Result>): Promise<Result> {
  await signalRunners(gateway, 'SIGSTOP');
  try {
    return await work();
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

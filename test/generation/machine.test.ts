import { expect, it } from 'vitest';
import type { Backend, BackendStatus } from '../../src/backends/backend.ts';
import { supervise } from '../../src/backends/supervise.ts';
import { Machine } from '../../src/generation/machine.ts';
import { FakeBackend } from '../support/fake-backend.ts';
import { recordingLog } from '../support/recording-log.ts';

it('plans on with what a backend said last while it hangs, and takes what it says when it comes', async () => {
  const fake = new FakeBackend([{ name: 'cpu', kind: 'CPU', freeBytes: 1000 }]);
  let answers: (status: BackendStatus) => void = () => undefined;
  let asked = 0;
  const backend: Backend = Object.assign(Object.create(fake) as Backend, {
    describe: () =>
      ++asked === 1 ? fake.describe() : new Promise<BackendStatus>((resolve) => (answers = resolve)),
  });
  const { log, events } = recordingLog();
  const margins = { deviceBytes: 0, hostBytes: 0 };
  const machine = new Machine({ backends: [backend], margins, log, now: Date.now, describeMs: 20 });
  await machine.refresh();
  const before = machine.devices();
  expect(before).toHaveLength(1);
  for (let count = 0; count < 3; count++) {
    machine.invalidate();
    await machine.refresh();
    expect(machine.devices()).toEqual(before);
  }
  expect(asked).toBe(2);
  expect(events.filter(({ event }) => event === 'backend.slow')).toHaveLength(1);
  answers({ version: null, available: true, unavailableReason: null, devices: [] });
  await expect.poll(() => machine.devices()).toEqual([]);
  machine.invalidate();
  void machine.refresh();
  expect(asked).toBe(3);
});

it('tells of no memory from before a change, though somebody had asked before it', async () => {
  const fake = new FakeBackend([{ name: 'cpu', kind: 'CPU', freeBytes: 1000 }]);
  const answers: ((freeBytes: number) => void)[] = [];
  const slow: Backend = Object.assign(Object.create(fake) as Backend, {
    describe: async () => {
      const status = await fake.describe();
      const memoryFreeBytes = await new Promise<number>((resolve) => answers.push(resolve));
      return { ...status, devices: status.devices.map((device) => ({ ...device, memoryFreeBytes })) };
    },
  });
  const margins = { deviceBytes: 0, hostBytes: 0 };
  const backends = [supervise(slow)];
  const machine = new Machine({ backends, margins, log: recordingLog().log, now: () => 0 });
  const free = async () => {
    await machine.refresh();
    return machine.devices()[0]!.memoryFreeBytes;
  };
  const answer = async (index: number, freeBytes: number) => {
    await expect.poll(() => answers.length).toBe(index + 1);
    answers[index]!(freeBytes);
  };
  const early = free();
  await expect.poll(() => answers.length).toBe(1);
  machine.invalidate();
  const late = free();
  await answer(0, 1000);
  expect(await early).toBe(1000);
  await answer(1, 400);
  expect(await late).toBe(400);
  expect(await free()).toBe(400);

  machine.invalidate();
  const outdated = free();
  await expect.poll(() => answers.length).toBe(3);
  machine.invalidate();
  await answer(2, 400);
  await outdated;
  const newest = free();
  await answer(3, 700);
  expect(await newest).toBe(700);
});

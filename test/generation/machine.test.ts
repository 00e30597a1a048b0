import { expect, it } from 'vitest';
import type { Backend, BackendStatus } from '../../src/backends/backend.ts';
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

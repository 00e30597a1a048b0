import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { LlamaCpp } from '../../src/backends/llama-cpp/adapter.ts';
import { recordingLog } from '../support/recording-log.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

it('a runner that does not start is started less and less often, however often somebody asks', async () => {
  const runnerEntry = path.join(folder(), 'runner.cjs');
  writeFileSync(runnerEntry, 'process.exit(3);');
  const { log, events } = recordingLog();
  let now = 0;
  const backend = new LlamaCpp({ gpu: 'off', threads: 1, log, runnerEntry, now: () => now });
  const triedAt: number[] = [];
  for (; now < 20_000; now += 500) {
    const before = events.length;
    expect(await backend.describe()).toMatchObject({ available: false, devices: [] });
    if (events.slice(before).some(({ event }) => event === 'runner.started')) triedAt.push(now);
  }
  expect(triedAt).toEqual([0, 1000, 3000, 7000, 15_000]);
  await backend.dispose();
});

import { readdirSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { RunSpool } from '../../src/cli/run-spool.ts';
import type { Run } from '../../src/report/schema.ts';
import { someRun } from '../support/reports.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

async function allOf(spool: RunSpool): Promise<Run[]> {
  const runs: Run[] = [];
  for await (const run of spool.read()) runs.push(run);
  return runs;
}

it('gives back every run as it was, to several readers at once, also where one leaves early', async () => {
  const spool = await RunSpool.create();
  // Longer than one read, with characters of several bytes across its edges, and with what other readers take for lines.
  const texts = ['a\u2028b\u2029c\r\nd', '森'.repeat(70_000), '', '🦄'.repeat(50_001)];
  const runs = texts.map((text, repetition) => someRun({ text, repetition }));
  await spool.add(runs.slice(0, 1));
  await spool.add(runs.slice(1));
  const early = async () => {
    for await (const run of spool.read()) return run;
    return null;
  };
  const [first, ...all] = await Promise.all([early(), allOf(spool), allOf(spool)]);
  expect(first).toEqual(runs[0]);
  expect(all).toEqual([runs, runs]);
  await spool.add([runs[0]!]);
  expect(await allOf(spool)).toHaveLength(5);
  await spool.dispose();
});

it('leaves nothing behind', async () => {
  vi.stubEnv('TMPDIR', folder());
  const spool = await RunSpool.create();
  await spool.add([someRun()]);
  expect(readdirSync(folder())).toEqual([]);
  await spool.dispose();
  vi.unstubAllEnvs();
});

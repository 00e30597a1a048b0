/**
 * `npm run bench:planner -- [--json] [--all] [--freeze FILE]`: the planner's memory against llama.cpp's own breakdown,
 * for files of published models without their weights, on a pretend GPU. Fails where the main matrix is off.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Presets, SingleBar } from 'cli-progress';
import { pretendGpu } from '../test/support/pretend-gpu.ts';
import { freeze } from './planner/freeze.ts';
import { mainMatrix, variations } from './planner/matrix.ts';
import { measure } from './planner/measure.ts';
import { planMilliseconds } from './planner/plan-time.ts';
import { groupsOf, passes, seriousOffences, table } from './planner/report.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    all: { type: 'boolean', default: false },
    freeze: { type: 'string' },
  },
});

const folder = mkdtempSync(path.join(os.tmpdir(), 'mixgate-bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
// So that it also runs the line above.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

if ('skip' in pretendGpu()) {
  const library = path.join(folder, 'pretend-gpu.so');
  const script = path.join(import.meta.dirname, '../test/support/pretend-gpu/build.sh');
  if (spawnSync(script, [library], { stdio: ['ignore', 2, 2] }).status !== 0) process.exit(2);
  process.env['MIXGATE_TEST_PRETEND_GPU'] = library;
}

if (options.freeze === undefined) await run();
else await freeze(options.freeze, folder);

async function run(): Promise<void> {
  const works = [...mainMatrix(), ...variations(options.all)];
  const bar = new SingleBar(
    { format: '{bar} {value} of {total} loads, {eta_formatted} left', clearOnComplete: true },
    Presets.shades_classic,
  );
  const start = performance.now();
  bar.start(
    works.reduce((sum, { layouts }) => sum + layouts.length, 0),
    0,
  );
  const measured = await measure(works, folder, (cases) => bar.increment(cases));
  bar.stop();
  const seconds = (performance.now() - start) / 1000;
  const groups = groupsOf(measured);
  const planMs = await planMilliseconds();
  const lines = [
    table(groups),
    ...seriousOffences(groups),
    'Error is the planner less llama.cpp. Beyond: more than 0.5 % and 8 MiB at full offload, 10 % and 256 MiB else.',
    planMs === null
      ? 'Planning was not timed: npm run build first.'
      : `Planning 200 variants over 8 devices: ${planMs.toFixed(1)} ms, median of 100.`,
    `${passes(groups) ? 'Passed' : 'FAILED'} in ${seconds.toFixed(0)} s.`,
  ];
  process.stdout.write(
    options.json ? `${JSON.stringify({ groups, planMs, seconds })}\n` : `${lines.join('\n')}\n`,
  );
  process.exitCode = passes(groups) ? 0 : 1;
}

import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { targets } from '../../test/fuzz/targets.ts';

/**
 * `npm run fuzz -- --minutes 10`: the properties of test/fuzz with ever new seeds, each parser in its turn. Ends at the
 * first that does not hold, with the seed and the smallest input. `--only NAME` for one, `--seed N` to see one again.
 */
const RUNS = 1000;
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    seed: { type: 'string' },
  },
});
const until = Date.now() + Number(values.minutes) * 60_000;
const folder = mkdtempSync(path.join(os.tmpdir(), 'mixgate-fuzz-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

const chosen = targets(() => folder).filter(({ name }) => name.includes(values.only));
if (chosen.length === 0) throw new Error(`No parser is called ${values.only}.`);
let runs = 0;
for (let round = 0; round === 0 || Date.now() < until; round++)
  for (const { name, property } of chosen) {
    const seed = values.seed === undefined ? Math.trunc(Math.random() * 2 ** 31) : Number(values.seed);
    // Before it runs, so that also one that hangs is known.
    process.stdout.write(`${name}: seed ${seed}\n`);
    await fc.assert(property, { seed, numRuns: RUNS });
    runs += RUNS;
  }
process.stdout.write(`${runs} inputs were read, or refused with a code.\n`);

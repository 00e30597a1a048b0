import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { format, resolveConfig } from 'prettier';
import { Breakdowns, type FrozenBreakdowns } from '../../test/support/breakdowns.ts';

const MODULES = path.join(import.meta.dirname, '../../node_modules');

/** Measures the loads of a file of frozen breakdowns anew, with the llama.cpp that is installed. */
export async function freeze(file: string, folder: string): Promise<void> {
  const { rows } = JSON.parse(await readFile(file, 'utf8')) as FrozenBreakdowns;
  const release = JSON.parse(
    await readFile(path.join(MODULES, 'node-llama-cpp/llama/binariesGithubRelease.json'), 'utf8'),
  ) as { release: string };
  const breakdowns = new Breakdowns(folder);
  try {
    const measured: FrozenBreakdowns['rows'][number][] = [];
    for (const { reference, layout } of rows) {
      const [one] = await breakdowns.compare(reference, [layout]);
      const deviceBytes = one?.llamaCppBytes ?? null;
      if (deviceBytes === null) throw new Error(`llama.cpp cannot tell: ${JSON.stringify(layout)}`);
      measured.push({ reference, layout, deviceBytes });
    }
    const frozen: FrozenBreakdowns = { llamaCpp: release.release, rows: measured };
    const style = await resolveConfig(file);
    await writeFile(file, await format(JSON.stringify(frozen), { ...style, filepath: file }));
  } finally {
    breakdowns.end();
  }
}

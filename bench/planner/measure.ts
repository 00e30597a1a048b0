import { availableParallelism } from 'node:os';
import { Breakdowns, type Comparison, type Reference } from '../../test/support/breakdowns.ts';
import type { Work } from './matrix.ts';

export interface Measured {
  readonly reference: Reference;
  readonly isMain: boolean;
  readonly comparisons: readonly Comparison[];
}

/** Asks llama.cpp in as many processes as there are cores; results in the order of the work. */
export async function measure(
  works: readonly Work[],
  folder: string,
  onDone: (cases: number) => void,
): Promise<Measured[]> {
  const results = new Array<Measured>(works.length);
  const queue = works.entries();
  const processes = Array.from(
    { length: Math.min(works.length, availableParallelism()) },
    () => new Breakdowns(folder),
  );
  try {
    await Promise.all(
      processes.map(async (breakdowns) => {
        for (const [index, { reference, isMain, layouts }] of queue) {
          results[index] = { reference, isMain, comparisons: await breakdowns.compare(reference, layouts) };
          onDone(layouts.length);
        }
      }),
    );
  } finally {
    for (const each of processes) each.end();
  }
  return results;
}

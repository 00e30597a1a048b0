import type { Comparisons } from '../comparison/comparisons.ts';
import type { Generations } from '../generations.ts';
import type { Archive } from './archive.ts';

interface Clearable {
  readonly generations: Generations;
  readonly comparisons: Comparisons;
  readonly archive: Archive;
}

/**
 * Forgets what has ended and was created before, or all of it, everywhere. How many generations, comparisons and
 * evaluations that were, the lanes not counted.
 * @throws HISTORY_UNAVAILABLE, and then everything is still there
 */
export async function clearHistory(
  before: Date | null,
  { generations, comparisons, archive }: Clearable,
): Promise<number> {
  const limit = before?.getTime() ?? Number.MAX_SAFE_INTEGER;
  const stored = await archive.history.clear(limit);
  const inMemory = comparisons.forgetBefore(limit) + generations.forgetBefore(limit);
  return archive.history.isOn ? stored : inMemory;
}

import { mean, quantileSorted } from 'simple-statistics';

/** How values lie. Quantiles are R's and NumPy's default, type 7: between two values, in proportion. */
export interface Spread {
  readonly n: number;
  readonly median: number;
  /** Quartiles: half of the values lie between them. */
  readonly q1: number;
  readonly q3: number;
  readonly min: number;
  readonly max: number;
}

/** Null where there is nothing to tell of. */
export function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((one, other) => one - other);
  const [q1, median, q3] = [0.25, 0.5, 0.75].map((share) => quantileSorted(sorted, share)) as [
    number,
    number,
    number,
  ];
  return { n: sorted.length, median, q1, q3, min: sorted[0]!, max: sorted.at(-1)! };
}

/** Of yes (1) and no (0), how often it was yes; null where nobody knows. */
export const shareOf = (values: readonly number[]): number | null =>
  values.length === 0 ? null : mean([...values]);

/** Values by the run that they are of. */
export type ByRun = ReadonlyMap<number, number>;

/**
 * The median of one over the median of the other, both of the runs only that have both: what one of them lacks skews
 * nothing. Null where no run has both, and where there is nothing to divide by.
 */
export function medianRatio(own: ByRun, reference: ByRun): number | null {
  const runs = [...own.keys()].filter((run) => reference.has(run));
  const medianOf = (values: ByRun) => spreadOf(runs.map((run) => values.get(run)!))?.median ?? null;
  const [above, below] = [medianOf(own), medianOf(reference)];
  return above === null || below === null || below === 0 ? null : above / below;
}

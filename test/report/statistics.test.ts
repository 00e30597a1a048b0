import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Run } from '../../src/report/schema.ts';
import { medianRatio, shareOf, spreadOf } from '../../src/report/statistics.ts';
import { RunTally } from '../../src/report/tally.ts';
import { someRun } from '../support/reports.ts';

const figures = fc.array(fc.integer({ min: 0, max: 1e12 }), { minLength: 1, maxLength: 40 });

describe('spreadOf', () => {
  it("gives R's quantile()", () => {
    expect(spreadOf([])).toBeNull();
    expect(spreadOf([7])).toEqual({ n: 1, median: 7, q1: 7, q3: 7, min: 7, max: 7 });
    // quantile(c(6, 7, 15, 36, 39, 40, 41, 42, 43, 47, 49))
    expect(spreadOf([49, 6, 7, 15, 36, 39, 40, 41, 42, 43, 47])).toEqual({
      ...{ n: 11, q1: 25.5, median: 40, q3: 42.5, min: 6, max: 49 },
    });
    // quantile(c(1, 2, 3, 4))
    expect(spreadOf([4, 1, 3, 2])).toEqual({ n: 4, q1: 1.75, median: 2.5, q3: 3.25, min: 1, max: 4 });
  });

  it('is in order, within its values, and halves them', () => {
    fc.assert(
      fc.property(figures, (values) => {
        const { n, min, q1, median, q3, max } = spreadOf(values)!;
        expect(n).toBe(values.length);
        expect([min, q1, median, q3, max]).toEqual([min, q1, median, q3, max].toSorted((a, b) => a - b));
        expect([min, max]).toEqual([Math.min(...values), Math.max(...values)]);
        const below = values.filter((value) => value < median).length;
        const above = values.filter((value) => value > median).length;
        expect(Math.max(below, above)).toBeLessThanOrEqual(n / 2);
      }),
    );
  });

  it('does not depend on the order, and doubles with its values', () => {
    fc.assert(
      fc.property(figures, (values) => {
        const spread = spreadOf(values)!;
        expect(spreadOf(values.toReversed())).toEqual(spread);
        const doubled = spreadOf(values.map((value) => 2 * value))!;
        expect(doubled.q1).toBe(2 * spread.q1);
        expect(doubled.median).toBe(2 * spread.median);
      }),
    );
  });
});

describe('medianRatio', () => {
  const byRun = (values: readonly (number | null)[]) =>
    new Map(values.flatMap((value, run) => (value === null ? [] : [[run, value] as const])));

  it('holds only runs that both have against each other', () => {
    expect(medianRatio(byRun([10, 20, 30]), byRun([5, 10, 15]))).toBe(2);
    // The reference failed where the lane was slow.
    expect(medianRatio(byRun([1, 20, 30]), byRun([null, 10, 15]))).toBe(2);
    expect(medianRatio(byRun([10]), byRun([null, 10]))).toBeNull();
    expect(medianRatio(byRun([10]), byRun([0]))).toBeNull();
  });

  it('is 1 against itself, and what a lane is faster everywhere', () => {
    const some = fc.array(fc.integer({ min: 1, max: 1e6 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(some, fc.integer({ min: 1, max: 9 }), (values, factor) => {
        expect(medianRatio(byRun(values), byRun(values))).toBe(1);
        expect(medianRatio(byRun(values.map((value) => value * factor)), byRun(values))).toBeCloseTo(
          factor,
          9,
        );
      }),
    );
  });
});

it('knows no share of nothing', () => {
  expect(shareOf([])).toBeNull();
  expect(shareOf([1, 0, 0, 1])).toBe(0.5);
});

describe('RunTally', () => {
  const run = fc.record({
    state: fc.constantFrom('COMPLETED', 'FAILED', 'CANCELLED'),
    rate: fc.option(fc.integer({ min: 1, max: 1e6 })),
    hasDrifted: fc.option(fc.boolean()),
  });
  /** Two lanes, two prompts, some repetitions. */
  const grid = fc.array(fc.tuple(run, run, run, run), { minLength: 1, maxLength: 12 }).map((repetitions) =>
    repetitions.flatMap((runs, repetition) =>
      runs.map(({ state, rate, hasDrifted }, index): [Run, number] => {
        const [prompt, lane] = [index >> 1, index % 2];
        const error = state === 'FAILED' ? { code: 'OUT_OF_MEMORY', message: `By ${lane}.` } : null;
        const more = { state, error, hasDrifted, evalTokensPerSecond: rate } as const;
        return [someRun({ prompt: `p${prompt}`, lane, repetition, ...more }), prompt];
      }),
    ),
  );

  it('counts every run once, and measures what was completed and is known', () => {
    fc.assert(
      fc.property(grid, (runs) => {
        const tally = new RunTally(2, 2);
        for (const [each, prompt] of runs) tally.add(each, prompt);
        for (const [lane, summary] of tally.summaries().entries()) {
          const own = runs.map(([each]) => each).filter((each) => each.lane === lane);
          const known = own.flatMap(({ state, evalTokensPerSecond }) =>
            state === 'COMPLETED' && evalTokensPerSecond !== null ? [evalTokensPerSecond] : [],
          );
          expect(summary.completed + summary.failed + summary.cancelled).toBe(own.length);
          expect(summary.spreads.evalTokensPerSecond).toEqual(spreadOf(known));
          expect(summary.spreads.joulesPerToken).toBeNull();
          expect(summary.failures.reduce((sum, { count }) => sum + count, 0)).toBe(summary.failed);
          const parts = [0, 1].map((prompt) => tally.summariesOf(prompt)[lane]!);
          expect(parts.map(({ failed }) => failed).reduce((a, b) => a + b)).toBe(summary.failed);
          const counts = parts.map(({ spreads }) => spreads.evalTokensPerSecond?.n ?? 0);
          expect(counts.reduce((a, b) => a + b)).toBe(known.length);
        }
      }),
    );
  });

  it('takes loads of warm-ups, and nothing else of them', () => {
    const tally = new RunTally(1, 1);
    tally.addWarmUp([someRun({ loadMs: 300, evalTokensPerSecond: 1 })]);
    tally.add(someRun({ loadMs: 100, evalTokensPerSecond: 50 }), 0);
    const [summary] = tally.summaries();
    expect(summary).toMatchObject({
      completed: 1,
      spreads: { loadMs: { n: 2, median: 200 }, evalTokensPerSecond: { n: 1, median: 50 } },
    });
  });
});

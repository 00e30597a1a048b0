import { expect, it } from 'vitest';
import { soak } from '../support/soak.ts';

const MIB = 2 ** 20;

/** Numerical Recipes' generator: the same choices in each run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

it('loses nothing and leaks nothing under mixed load, cancels, drops, slow readers and killed runners', async () => {
  const report = await soak({ seconds: 40, workers: 8, random: seeded(1) });
  expect(report.problems).toEqual([]);
  expect(report.generations).toBeGreaterThan(100);
  expect(report.kills).toBeGreaterThan(0);
  expect(report.byState['COMPLETED']).toBeGreaterThan(20);
  expect(report.byState['CANCELLED']).toBeGreaterThan(0);
  expect(report.late.openFiles).toBeLessThanOrEqual(report.early.openFiles + 5);
  expect(report.late.heapBytes).toBeLessThan(report.early.heapBytes + 30 * MIB);
}, 120_000);

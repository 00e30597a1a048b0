import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { wilson, winRates } from '../../src/generation/comparison/votes.ts';

describe('wilson', () => {
  it('gives published values', () => {
    // Newcombe, Statistics in Medicine 17 (1998), table I, method 3 (score): 81/263, 15/148, 0/20, 1/29.
    for (const [wins, count, lower, upper] of [
      [81, 263, 0.2553, 0.3662],
      [15, 148, 0.0624, 0.1605],
      [0, 20, 0, 0.1611],
      [1, 29, 0.0061, 0.1718],
    ] as const) {
      const interval = wilson(wins / count, count);
      expect(interval.lower).toBeCloseTo(lower, 4);
      expect(interval.upper).toBeCloseTo(upper, 4);
    }
  });

  it('holds the share, within 0 and 1', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (count, share) => {
          const { lower, upper } = wilson(share, count);
          expect(lower).toBeLessThanOrEqual(share + 1e-12);
          expect(upper).toBeGreaterThanOrEqual(share - 1e-12);
          expect(lower).toBeGreaterThanOrEqual(0);
          expect(upper).toBeLessThanOrEqual(1);
        },
      ),
    );
  });
});

describe('winRates', () => {
  it('counts a vote for its lane and against lane 0, or against all others', () => {
    const rates = winRates([
      {
        variantIds: ['a', 'b', 'c'],
        votes: [
          { lane: 1, value: 'BETTER' },
          { lane: 2, value: 'TIE' },
        ],
      },
      { variantIds: ['a', 'b', null], votes: [{ lane: 0, value: 'BETTER' }] },
    ]);
    expect(rates).toMatchObject([
      { variantId: 'a', wins: 1, ties: 1, losses: 1, rate: 0.5 },
      { variantId: 'b', wins: 1, ties: 0, losses: 1, rate: 0.5 },
      { variantId: 'c', wins: 0, ties: 1, losses: 0, rate: 0.5 },
    ]);
  });

  it('has nothing to say without votes', () => {
    expect(winRates([{ variantIds: ['a', 'b'], votes: [] }])).toEqual([]);
  });
});

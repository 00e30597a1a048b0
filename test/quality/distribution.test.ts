import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  distribution,
  klDivergence,
  packRow,
  surprise,
} from '../../src/backends/llama-cpp/runner/score/distribution.ts';
import { HALVES, toHalf } from '../../src/backends/llama-cpp/runner/score/half.ts';
import { Tally } from '../../src/backends/llama-cpp/runner/score/tally.ts';

/** By the definition, without any care for numbers that are too large. */
function naiveLogProbabilities(logits: readonly number[]): number[] {
  const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
  return logits.map((logit) => Math.log(Math.exp(logit) / sum));
}

function naiveDivergence(reference: readonly number[], other: readonly number[]): number {
  const [p, q] = [naiveLogProbabilities(reference), naiveLogProbabilities(other)];
  return p.reduce((sum, logP, token) => sum + Math.exp(logP) * (logP - q[token]!), 0);
}

const of = (logits: readonly number[]) => distribution(Float32Array.from(logits));

function packed(logits: readonly number[]): Uint16Array {
  const row = new Uint16Array(logits.length);
  packRow(of(logits), row);
  return row;
}

const logit = fc.float({ min: -20, max: 20, noNaN: true });
const pair = fc
  .integer({ min: 2, max: 200 })
  .chain((size) =>
    fc.tuple(
      fc.array(logit, { minLength: size, maxLength: size }),
      fc.array(logit, { minLength: size, maxLength: size }),
    ),
  );

describe('halves', () => {
  it('keep zero and every half as they are', () => {
    expect(HALVES[toHalf(0)]).toBeCloseTo(0, 12);
    for (let half = 0x8000; half < 0xfc00; half++) expect(HALVES[toHalf(HALVES[half]!)]).toBe(HALVES[half]);
  });

  it('are the nearest ones', () => {
    fc.assert(
      fc.property(fc.double({ min: -65504, max: 0, noNaN: true }), (value) => {
        const error = Math.abs(HALVES[toHalf(value)]! - value);
        expect(error).toBeLessThanOrEqual(Math.max(2 ** -25, Math.abs(value) * 2 ** -11) * 1.0001);
      }),
    );
  });

  it('never become infinite', () => {
    for (const value of [-65504, -65519, -65520, -1e9, -Infinity]) expect(HALVES[toHalf(value)]).toBe(-65504);
  });
});

describe('a distribution', () => {
  it('has the surprise of its definition', () => {
    fc.assert(
      fc.property(fc.array(logit, { minLength: 1, maxLength: 200 }), (logits) => {
        const expected = naiveLogProbabilities(logits);
        const found = of(logits);
        logits.forEach((_, token) => expect(surprise(found, token)).toBeCloseTo(-expected[token]!, 5));
      }),
    );
  });

  it('takes the first of several likely tokens for the top, and logits of any size', () => {
    expect(of([1, 3, 3, 2]).top).toBe(1);
    expect(surprise(of([5000, 5000]), 0)).toBeCloseTo(Math.log(2), 12);
    expect(surprise(of([-5000, -Infinity]), 0)).toBe(0);
  });

  it('diverges as the definition says, as far as halves can tell', () => {
    fc.assert(
      fc.property(pair, ([reference, other]) => {
        const expected = naiveDivergence(reference, other);
        const found = klDivergence(packed(reference), of(other));
        expect(found).toBeGreaterThanOrEqual(0);
        expect(Math.abs(found - expected)).toBeLessThan(0.002 + 0.002 * expected);
      }),
    );
  });

  it('diverges from itself by the rounding alone', () => {
    fc.assert(
      fc.property(fc.array(logit, { minLength: 2, maxLength: 200 }), (logits) => {
        expect(klDivergence(packed(logits), of(logits))).toBeLessThan(2e-6);
      }),
    );
  });

  it('may rule tokens out where the reference does too, and not where it does not', () => {
    const row = packed([0, 0, -Infinity]);
    expect(klDivergence(row, of([0, 0, -Infinity]))).toBeCloseTo(0, 6);
    expect(klDivergence(row, of([0, -Infinity, 0]))).toBe(Infinity);
  });
});

describe('a tally', () => {
  it('has means, and none of what was not measured', () => {
    const tally = new Tally(true);
    tally.add(1, { klDivergence: 0.5, isSameTop: true });
    tally.add(3, { klDivergence: 0.1, isSameTop: false });
    expect(tally.means()).toEqual({
      tokens: 2,
      negativeLogLikelihood: 2,
      klDivergence: 0.3,
      sameTopToken: 0.5,
    });
    expect(new Tally(false).means()).toEqual({
      tokens: 0,
      negativeLogLikelihood: null,
      klDivergence: null,
      sameTopToken: null,
    });
    tally.add(NaN);
    expect(tally.isFinite).toBe(false);
  });
});

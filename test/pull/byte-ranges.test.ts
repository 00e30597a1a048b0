import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteRanges, type ByteRange } from '../../src/models/pull/byte-ranges.ts';

const SIZE = 60;
const range = fc
  .tuple(fc.nat(SIZE), fc.nat(SIZE))
  .map(([a, b]): ByteRange => [Math.min(a, b), Math.max(a, b)]);

describe('ByteRanges', () => {
  it('are the bytes that were added, in order and apart, and miss the others', () => {
    fc.assert(
      fc.property(fc.array(range, { maxLength: 12 }), fc.integer({ min: 1, max: 20 }), (added, most) => {
        const ranges = new ByteRanges(added);
        const here = (byte: number) => added.some(([start, end]) => byte >= start && byte < end);
        const bytes = Array.from({ length: SIZE }, (_, byte) => byte);
        expect(ranges.bytes).toBe(bytes.filter(here).length);
        ranges.list.forEach(([start], index) => {
          if (index > 0) expect(start).toBeGreaterThan(ranges.list[index - 1]![1]);
        });
        const missing = ranges.missing(SIZE, most);
        const missed = new Set(missing.flatMap(([start, end]) => bytes.slice(start, end)));
        expect([...missed].sort((a, b) => a - b)).toEqual(bytes.filter((byte) => !here(byte)));
        for (const [start, end] of missing) {
          expect(end - start).toBeGreaterThan(0);
          expect(end - start).toBeLessThanOrEqual(most);
        }
      }),
    );
  });
});

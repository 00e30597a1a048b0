import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commonPrefix, divergenceOf } from '../../src/generation/comparison/divergence.ts';
import type { Chunk } from '../../src/generation/event-log.ts';

const answer = (chunks: readonly (readonly [string, readonly number[] | number])[], modelId = 'm') => ({
  modelId,
  chunks: chunks.map(([text, ids]): Chunk =>
    typeof ids === 'number'
      ? { type: 'TokenChunk', text, tokens: ids }
      : { type: 'TokenChunk', text, tokens: ids.length, tokenIds: ids },
  ),
});

describe('divergenceOf', () => {
  it('finds the token by its id, wherever chunks end', () => {
    const one = answer([
      ['a wild unicorn', [1, 2, 3]],
      [' runs', [4]],
    ]);
    const two = answer([
      ['a', [1]],
      [' wild llama runs', [2, 9, 4]],
    ]);
    expect(divergenceOf(two, one)).toEqual({ firstDifferentToken: 2, commonPrefixChars: 7 });
  });

  it('tells tokens apart that begin with the same characters', () => {
    const [one, two] = [
      answer([
        ['keep', [1]],
        ['er', [2]],
      ]),
      answer([['keepsake', [3]]]),
    ];
    expect(divergenceOf(two, one)).toEqual({ firstDifferentToken: 0, commonPrefixChars: 4 });
  });

  it('has no different token where one text begins the other', () => {
    const [short, long] = [answer([['ab', [1, 2]]]), answer([['abc', [1, 2, 3]]])];
    for (const pair of [
      [short, long],
      [long, short],
      [long, long],
    ] as const)
      expect(divergenceOf(...pair).firstDifferentToken).toBeNull();
    expect(divergenceOf(short, long).commonPrefixChars).toBe(2);
  });

  it('goes by single pieces of text where ids are unknown, or of another vocabulary', () => {
    const [one, two] = [
      answer([
        ['a', 1],
        ['b', 1],
        ['c', 1],
      ]),
      answer(
        [
          ['a', 1],
          ['x', 1],
          ['c', 1],
        ],
        'other',
      ),
    ];
    expect(divergenceOf(two, one)).toEqual({ firstDifferentToken: 1, commonPrefixChars: 1 });
  });

  it('does not know within a chunk of several tokens', () => {
    const [one, two] = [
      answer([
        ['a', 1],
        ['bc', 2],
      ]),
      answer([
        ['a', 1],
        ['xc', 2],
      ]),
    ];
    expect(divergenceOf(two, one)).toEqual({ firstDifferentToken: null, commonPrefixChars: 1 });
  });
});

describe('commonPrefix', () => {
  it('never ends within a character', () => {
    expect(commonPrefix('a😀', 'a😁')).toBe(1);
    expect(commonPrefix('a😀b', 'a😀c')).toBe(3);
  });

  it('is a prefix of both, and the longest of whole characters', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.string({ unit: 'grapheme' }),
        fc.string({ unit: 'grapheme' }),
        (prefix, a, b) => {
          const [one, other] = [prefix + a, prefix + b];
          const length = commonPrefix(one, other);
          expect(length).toBeGreaterThanOrEqual(prefix.length);
          expect(one.slice(0, length)).toBe(other.slice(0, length));
          expect(() => encodeURIComponent(one.slice(0, length))).not.toThrow();
        },
      ),
    );
  });
});

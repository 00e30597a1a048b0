import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { segmentsOf, type Segment } from '../../web/dashboard/parts/marks.ts';
import { shortLabels } from '../../web/dashboard/compare/short-labels.ts';

const plain = { commonPrefixChars: null, foreignFragments: [], driftOffset: null };
const textOf = (segments: readonly Segment[]): string => segments.map(({ text }) => text).join('');
const differing = (segments: readonly Segment[]): string =>
  textOf(segments.filter(({ isDifference }) => isDifference));
const graphemes = (text: string): string[] =>
  [...new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(text)].map(({ segment }) => segment);

describe('what is marked in an answer', () => {
  it.each([
    ['the rest of a word', 'It runs fast', 5, 'ns'],
    ['a word after a space', 'It runs fast', 2, ' runs'],
    ['the last word', 'It runs', 3, 'runs'],
    ['nothing, where nothing follows', 'It runs', 7, ''],
    ['nothing, where it goes on longer elsewhere', 'It', 40, ''],
    ['the whole family, where only the child differs', 'Hi 👨‍👩‍👧!', 9, '👨‍👩‍👧'],
    ['a letter with its accent', 'cafe\u0301s', 4, 'e\u0301s'],
    ['a word of Japanese', '私は猫です', 2, '猫'],
  ])('the first difference is %s', (_, text, commonPrefixChars, expected) => {
    const segments = segmentsOf(text, { ...plain, commonPrefixChars });
    expect(differing(segments)).toBe(expected);
    expect(textOf(segments)).toBe(text);
  });

  it('is common up to the difference, and foreign where the report says so', () => {
    const text = 'This is 日本語 and so on';
    const segments = segmentsOf(text, {
      commonPrefixChars: 5,
      foreignFragments: [{ offset: 8, length: 3, language: 'ja' }],
      driftOffset: 8,
    });
    expect(
      segments.map(({ text, isCommon, isDifference, foreign, isDrift }) => [
        text,
        isCommon,
        isDifference,
        foreign?.language,
        isDrift,
      ]),
    ).toEqual([
      ['This ', true, false, undefined, false],
      ['is', false, true, undefined, false],
      [' ', false, false, undefined, false],
      ['日本語', false, false, 'ja', true],
      [' and so on', false, false, undefined, false],
    ]);
  });

  it('keeps the text, and every character of it whole, wherever the marks are', () => {
    const place = fc.nat(60);
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 40 }),
        fc.option(place),
        fc.array(fc.record({ offset: place, length: place, language: fc.constant(null) }), { maxLength: 4 }),
        fc.option(place),
        (text, commonPrefixChars, foreignFragments, driftOffset) => {
          const segments = segmentsOf(text, { commonPrefixChars, foreignFragments, driftOffset });
          expect(textOf(segments)).toBe(text);
          expect(segments.flatMap((each) => graphemes(each.text))).toEqual(graphemes(text));
        },
      ),
    );
  });
});

describe('labels side by side', () => {
  it.each([
    [
      ['m:Q2_K', 'm:Q4_K_M'],
      ['Q2_K', 'Q4_K_M'],
    ],
    [
      ['m:Q2_K', 'm:Q2_K'],
      ['Q2_K #0', 'Q2_K #1'],
    ],
    [
      ['m:Q2_K', 'n:Q2_K'],
      ['m:Q2_K', 'n:Q2_K'],
    ],
    [
      ['m:Q2_K', 'mine'],
      ['m:Q2_K', 'mine'],
    ],
    [
      ['m', 'm'],
      ['m #0', 'm #1'],
    ],
    [
      ['A', 'B'],
      ['A', 'B'],
    ],
  ])('of %j are %j', (labels, expected) => {
    expect(shortLabels(labels)).toEqual(expected);
  });
});

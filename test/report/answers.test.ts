import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstAnswers, piecesOf, type Answers } from '../../src/report/answers.ts';
import type { Run } from '../../src/report/schema.ts';
import { someRun } from '../support/reports.ts';

describe('piecesOf', () => {
  it('cuts where the answer parts, drifts and is foreign', () => {
    const run = someRun({
      text: 'same, then 別 more',
      commonPrefixChars: 6,
      isSameText: false,
      driftOffset: 11,
      foreign: [{ offset: 11, length: 1, language: 'ja' }],
    });
    const shown = piecesOf(run).map((piece) => [
      piece.text,
      piece.isFirstDifference,
      piece.isDriftStart,
      piece.isShared,
      piece.foreign,
    ]);
    expect(shown).toEqual([
      ['same, ', false, false, true, undefined],
      ['then ', true, false, false, undefined],
      ['別', false, true, false, 'ja'],
      [' more', false, false, false, undefined],
    ]);
  });

  it('loses nothing, whatever is marked', () => {
    const span = fc.record({ offset: fc.nat(40), length: fc.nat(10), language: fc.constant(null) });
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 40 }),
        fc.array(span, { maxLength: 5 }),
        fc.option(fc.nat(40)),
        fc.option(fc.nat(40)),
        (text, foreign, commonPrefixChars, driftOffset) => {
          const run = someRun({ text, foreign, commonPrefixChars, driftOffset, isSameText: false });
          const pieces = piecesOf(run);
          expect(pieces.map((piece) => piece.text).join('')).toBe(text);
        },
      ),
    );
  });

  it('marks nothing of the text of lane 0 itself', () => {
    const own = piecesOf(someRun({ commonPrefixChars: 10, isSameText: true }));
    expect(own).toMatchObject([{ isFirstDifference: false, isShared: true }]);
    expect(piecesOf(someRun())).toMatchObject([{ isFirstDifference: false, isShared: false }]);
  });
});

describe('firstAnswers', () => {
  it('reads no further than it tells', async () => {
    let read = 0;
    function* runs(): Generator<Run> {
      for (let prompt = 0; prompt < 100; prompt++)
        for (const lane of [0, 1]) {
          read++;
          yield someRun({ prompt: `p${prompt}`, lane });
        }
    }
    const told: Answers[] = [];
    for await (const answers of firstAnswers(runs(), 3)) told.push(answers);
    expect(told.map(({ prompt, runs: lanes }) => [prompt, lanes.length])).toEqual([
      ['p0', 2],
      ['p1', 2],
      ['p2', 2],
    ]);
    expect(read).toBe(7);
  });

  it('takes the first repetition, also of one that ended within it', async () => {
    const told: Answers[] = [];
    const runs = [someRun(), someRun({ repetition: 1, text: 'again' })];
    for await (const answers of firstAnswers(runs, 3)) told.push(answers);
    expect(told).toEqual([{ prompt: 'p0', runs: [runs[0]] }]);
  });
});

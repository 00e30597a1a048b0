import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DriftWatch } from '../../src/language/drift-watch.ts';
import { languageReport } from '../../src/language/language-report.ts';
import { CASES } from './cases.ts';

const PIECES = [
  ...Object.values(CASES).flatMap(
    ({ answer }) => answer.replace('¦', '').match(/[^.。，、]+[.。，、]?/gu) ?? [],
  ),
  ...[
    '`',
    '```',
    '```\n',
    '\n',
    '"',
    '「',
    '」',
    '(',
    ')',
    '🦄',
    '𠮷野家',
    'e\u0301',
    '\ud83e',
    '\udd84',
    ' ',
    '. ',
    ':',
  ],
  ...['https://a.b/c', 'x_y', 'don’t', '-', '<s>', '**', '・', '\u200d', '1,000', 'ー'],
];
const text = fc.oneof(
  fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((pieces) => pieces.join('')),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
);
const prompt = fc.oneof(fc.constantFrom(...Object.values(CASES).map((one) => one.prompt)), text);

/** The text in pieces, cut anywhere, in the middle of a character as well. */
function cut(whole: string, cuts: readonly number[]): string[] {
  const at = [
    0,
    ...cuts.map((share) => Math.floor(share * whole.length)).sort((a, b) => a - b),
    whole.length,
  ];
  return at.slice(1).map((end, index) => whole.slice(at[index], end));
}

const isBoundary = (whole: string, at: number): boolean =>
  !/^[\ud800-\udbff][\udc00-\udfff]/.test(whole.slice(at - 1, at + 1));

describe('whatever the text', () => {
  it('reports the same however it is cut, and never takes a drift back', () => {
    fc.assert(
      fc.property(
        prompt,
        text,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }),
        (asked, whole, cuts) => {
          const watch = new DriftWatch(asked);
          let first: number | null = null;
          for (const piece of cut(whole, cuts)) {
            const drift = watch.push(piece);
            if (first !== null) expect(drift!.offset).toBe(first);
            first ??= drift?.offset ?? null;
          }
          const report = watch.finish();
          if (first !== null) expect(report.driftOffset).toBe(first);
          expect(report).toEqual(languageReport(asked, whole));
        },
      ),
      { numRuns: 1500 },
    );
  });

  it('names places inside of it, at the edges of characters, and shares that are shares', () => {
    fc.assert(
      fc.property(prompt, text, (asked, whole) => {
        const { driftOffset, foreignFragments, consistency, languages } = languageReport(asked, whole);
        if (driftOffset !== null) {
          expect(driftOffset).toBeGreaterThanOrEqual(0);
          expect(driftOffset).toBeLessThan(whole.length);
          expect(isBoundary(whole, driftOffset)).toBe(true);
          expect(foreignFragments.some((one) => one.offset <= driftOffset)).toBe(true);
        }
        for (const { offset, length, text: fragment } of foreignFragments) {
          expect(length).toBeGreaterThan(0);
          expect(whole.slice(offset, offset + length)).toBe(fragment);
          expect(isBoundary(whole, offset) && isBoundary(whole, offset + length)).toBe(true);
        }
        expect(consistency).toBeGreaterThanOrEqual(0);
        expect(consistency).toBeLessThanOrEqual(1);
        const total = languages.reduce((sum, { share }) => sum + share, 0);
        expect(languages.length === 0 ? 1 : total).toBeCloseTo(1);
      }),
      { numRuns: 1500 },
    );
  });
});

describe('as it comes', () => {
  const asked = 'ユニコーンが近づいてきます。どうすればいいですか？';

  /** How much of the answer was there when the drift was known. */
  function knownAt(question: string, answer: string): number | null {
    const watch = new DriftWatch(question);
    for (const [index, character] of [...answer].entries())
      if (watch.push(character) !== null) return index + 1;
    return null;
  }

  it('knows within eight words that Japanese went on in English', () => {
    const before = 'まず落ち着いてください。';
    const rest = 'You should stay calm and back away slowly while looking at the ground and so on and on';
    expect(knownAt(asked, before + rest)).toBeLessThanOrEqual(before.length + 50);
  });

  it('knows within a sentence or two that German went on in English', () => {
    const before = 'Bleiben Sie ruhig und gehen Sie langsam rückwärts. ';
    const rest = 'You should also avoid looking into its eyes, because that makes it nervous. And then wait.';
    expect(knownAt('Was soll ich als Lama tun?', before + rest)).toBeLessThanOrEqual(before.length + 80);
  });

  it('knows nothing too early', () => {
    expect(knownAt(asked, 'これは machine learning の例です。')).toBeNull();
  });
});

describe('time', () => {
  const hostile: Readonly<Record<string, string>> = {
    'words': 'the unicorn walks slowly away from here. ',
    'japanese': 'ユニコーンが近づいてきます。',
    'no spaces': 'x',
    'no stops': 'unicorn ',
    'open quotes': '「“"(',
    'backticks': '` ',
    'kana': 'の',
    'han': '們',
    'slashes': '/',
    'dots': 'a.',
    'capitals': 'A.B',
    'quotes': "'",
    'colons': 'A:',
    'fragments': 'の word ',
  };
  it.each(Object.entries(hostile))('grows with the text and no faster: %s', (_name, unit) => {
    const run = (length: number): number => {
      const answer = unit.repeat(Math.ceil(length / unit.length));
      const start = performance.now();
      languageReport('どうすればいいですか？', answer);
      languageReport(answer, 'x');
      return performance.now() - start;
    };
    run(2000);
    const small = Math.min(run(20_000), run(20_000));
    const large = Math.min(run(160_000), run(160_000));
    // Eight times as long: thrice that is for a busy machine, and quadratic time would be 64.
    expect(large).toBeLessThan(24 * Math.max(small, 10));
  });
});

import { describe, expect, it } from 'vitest';
import { languageReport } from '../../src/language/language-report.ts';
import { CASES } from './cases.ts';

describe('the report says of', () => {
  it.each(Object.entries(CASES))('%s', (_name, { prompt, answer: marked, fragments, ...languages }) => {
    const [before = '', after] = marked.split('¦');
    const report = languageReport(prompt, before + (after ?? ''));
    expect(report).toMatchObject({
      driftOffset: after === undefined ? null : before.length,
      ...languages,
    });
    if (fragments !== undefined) expect(report.foreignFragments.map(({ text }) => text)).toEqual(fragments);
  });
});

it('has a table that says enough', () => {
  expect(Object.keys(CASES).length).toBeGreaterThanOrEqual(60);
});

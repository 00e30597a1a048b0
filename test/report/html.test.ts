import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AxeResults } from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rendered } from '../../src/report/render.ts';
import type { ReportHead, Run } from '../../src/report/schema.ts';
import { noBrowser, startBrowser, skipWithoutBrowser } from '../support/browser.ts';
import { headOf, someRun } from '../support/reports.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** A drift, a first difference, a failure: everything there is to mark, around a text of one's own. */
function telling(text: string): { head: ReportHead; runs: Run[] } {
  const foreign = [{ offset: 2, length: 3, language: 'ja' }];
  const runs = [
    someRun({ prompt: text, text }),
    someRun({ prompt: text, lane: 1, text, ...{ commonPrefixChars: 1, isSameText: false } }),
    someRun({ prompt: text, lane: 2, text, foreign, driftOffset: 2, hasDrifted: true }),
    someRun({ prompt: text, lane: 3, state: 'FAILED', error: { code: 'INTERNAL', message: text }, text: '' }),
  ];
  const named = { labels: [text, text, text, text], prompts: [{ id: text, text }] };
  return { head: headOf(runs, { ...named, head: { command: text, incomplete: text } }), runs };
}

const HOSTILE =
  '</pre></style></title><script>fetch("http://127.0.0.1:9/");alert(1)</script><img src="http://127.0.0.1:9/x" onerror="alert(1)">"\' onload=alert(1) x="<svg/onload=alert(1)><style>*{background:url(http://127.0.0.1:9/)}</style><!--';

if (noBrowser !== null)
  describe('the HTML report', () => it(`needs a browser: ${noBrowser}`, skipWithoutBrowser));
else {
  const folder = temporaryFolder();
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser.close());

  /** Opens a report as a file, and tells what went wrong on the way. */
  async function opened(
    text: string,
    options: NonNullable<Parameters<Browser['newPage']>[0]> = {},
  ): Promise<{ page: Page; problems: string[] }> {
    const { head, runs } = telling(text);
    const file = path.join(folder(), 'report.html');
    writeFileSync(file, await rendered('HTML', head, runs));
    const page = await browser.newPage(options);
    const problems: string[] = [];
    const url = pathToFileURL(file).href;
    page.on('console', (message) => problems.push(message.text()));
    page.on('dialog', (dialog) => (problems.push('a dialog'), void dialog.dismiss()));
    page.on('request', (request) => request.url() === url || problems.push(request.url()));
    await page.goto(url);
    return { page, problems };
  }

  const elements = (page: Page): Promise<string[]> =>
    page.evaluate(() =>
      [...document.querySelectorAll('*')].map((each) => `${each.tagName} ${each.getAttributeNames().join()}`),
    );

  describe('the HTML report', () => {
    it('takes nothing that was given or answered for markup', async () => {
      const harmless = await opened('x'.repeat(HOSTILE.length));
      const hostile = await opened(HOSTILE);
      expect(await elements(hostile.page)).toEqual(await elements(harmless.page));
      expect([...hostile.problems, ...harmless.problems]).toEqual([]);
      const shown = await hostile.page.locator('.answers pre').first().textContent();
      expect(shown).toBe(HOSTILE);
      expect(await hostile.page.locator('h3').textContent()).toBe(HOSTILE);
      await Promise.all([harmless.page.close(), hostile.page.close()]);
    });

    it('marks what parts, drifts, is foreign and failed, with words for who hears it', async () => {
      const { page } = await opened('abcdefgh');
      const answers = page.locator('.answers article');
      expect(await answers.nth(1).locator('pre').textContent()).toBe('a▸ (first difference) bcdefgh');
      expect(await answers.nth(2).locator('mark').textContent()).toBe('cde (Japanese) ');
      expect(await answers.nth(2).locator('pre').textContent()).toContain('⚑ (drifts here) ');
      expect(await answers.nth(3).textContent()).toContain('failed: INTERNAL');
      expect(await page.locator('[role=note]').textContent()).toContain('abcdefgh');
      await page.close();
    });

    const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    it.each(['light', 'dark'] as const)(
      'can be read by everybody, and on a phone, in %s',
      async (colorScheme) => {
        const { page, problems } = await opened(
          'A label and an answer that are both rather long. '.repeat(3),
          {
            colorScheme,
            viewport: { width: 360, height: 740 },
          },
        );
        await page.evaluate(`${axe}; undefined`);
        const { violations } = await page.evaluate<AxeResults>('axe.run()');
        expect(
          violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`),
        ).toEqual([]);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
        expect(await page.locator('svg').first().locator('desc').textContent()).toContain(
          'median 100 tokens/s',
        );
        expect(problems).toEqual([]);
        await page.close();
      },
    );
  });
}

import { readFile } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { brokenNetwork } from '../support/broken-network.ts';
import { noBrowser, startBrowser, skipWithoutBrowser } from '../support/browser.ts';
import { compare, comparison, startComparison, type TestComparison } from '../support/comparing.ts';
import { grave, HeldEvents, openDashboard, send, setGreedy, untilStage } from '../support/dashboard.ts';
import { crawlUntil, frozen, untilOnlyResidents } from '../support/engines.ts';
import { DEMO, startGateway, UNICORN, type TestGateway } from '../support/gateway.ts';

const QUANTIZATIONS = ['Q2_K', 'Q4_K_M'];

/** An answer as it is shown while it is written, and as it would be with a block for each line of its text alone. */
/** Null where none is being written that is long. */
const MEASURE = () => {
  const writing = [...document.querySelectorAll('.answer[aria-busy=true] > div')];
  const shown = writing.find(({ textContent }) => textContent.length >= 1000);
  if (shown === undefined) return null;
  const text = shown.textContent;
  const undivided = shown.cloneNode() as HTMLElement;
  for (const line of text.split(/(?<=\n)/)) undivided.appendChild(document.createElement('div')).append(line);
  const range = document.createRange();
  const tops: number[][] = [];
  for (const root of [shown, undivided]) {
    if (root === undivided) shown.replaceWith(undivided);
    const { bottom } = root.getBoundingClientRect();
    const from: number[] = [];
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode() as Text | null; node !== null; node = walker.nextNode() as Text | null)
      for (let at = 0; at < node.length; at++) {
        range.setStart(node, at);
        range.setEnd(node, at + 1);
        from.push(Math.round(bottom - range.getBoundingClientRect().top));
      }
    tops.push(from);
  }
  undivided.replaceWith(shown);
  return { lane: shown.closest('.lane')!.id, text, tops, blocks: shown.children.length };
};

if (noBrowser !== null)
  describe('the page that compares', () => it(`needs a browser: ${noBrowser}`, skipWithoutBrowser));
else
  describe('the page that compares', () => {
    let gateway: TestGateway;
    let browser: Browser;
    let origin: string;
    /** As the API has it. */
    let known: TestComparison;
    let page: Page;
    let problems: string[];
    let events: HeldEvents;

    beforeAll(async () => {
      [gateway, browser] = await Promise.all([startGateway(), startBrowser()]);
      ({ origin } = new URL(gateway.url));
      const told = await compare(gateway, {
        prompt: { messages: [{ role: 'USER', content: UNICORN }] },
        lanes: QUANTIZATIONS.map((quantization) => ({ model: DEMO, quantization })),
        sampling: { temperature: 0 },
      });
      known = told.at(-1)!.comparison!;
    });
    afterAll(async () => {
      await browser.close();
      await gateway.stop();
    });
    beforeEach(() => open(origin));
    afterEach(async () => {
      await page.close();
      expect(problems).toEqual([]);
    });

    async function open(at: string): Promise<void> {
      events = new HeldEvents();
      ({ page, problems } = await openDashboard(browser, at, '/compare', events));
    }

    const editor = (number: number) => page.getByRole('group', { name: `Lane ${number}`, exact: true });
    const lanes = (at = page) => at.locator('.lane');
    const answerOf = (index: number, at = page) => lanes(at).nth(index).locator('.answer');
    const textOf = (index: number, at = page) => answerOf(index, at).textContent();
    const ended = (count = 2, at = page) =>
      at.getByText(`${count} of ${count} lanes have ended.`).waitFor({ timeout: 15_000 });
    const id = (at = page): string => new URL(at.url()).pathname.split('/').at(-1)!;
    const textsOf = ({ lanes: told }: TestComparison): string[] =>
      told.map(({ generation }) => generation.text);

    /** Q2_K and Q4_K_M, greedily, unless told otherwise. */
    async function fill(prompt = UNICORN, quantizations = QUANTIZATIONS): Promise<void> {
      await page.getByLabel('Prompt', { exact: true }).fill(prompt);
      for (const [number, quantization] of quantizations.entries())
        await editor(number).getByLabel('Quantization').selectOption(quantization);
      await page.getByText('Options', { exact: true }).click();
      await setGreedy(page);
    }

    async function start(): Promise<void> {
      await page.getByRole('button', { name: 'Compare', exact: true }).click();
      await page.waitForURL(/\/compare\/.+/);
    }

    /** In the middle of lane 0, with the engines standing still. */
    async function inTheMiddle(work: (half: string) => Promise<void>): Promise<void> {
      await fill();
      events.hold(3);
      await untilOnlyResidents(gateway);
      await frozen(gateway, async () => {
        await start();
        await events.untilFollowed;
        await crawlUntil(gateway, events.untilHeld);
        await page.locator('.lane .answer[data-stage=WRITING]').waitFor();
        await page.evaluate(() => new Promise(requestAnimationFrame));
        const half = (await textOf(0))!;
        const [whole = ''] = textsOf(known);
        expect(whole.startsWith(half)).toBe(true);
        expect(half.length).toBeGreaterThan(0);
        expect(half.length).toBeLessThan(whole.length);
        await work(half);
      });
    }

    async function untilAllIsThere(at = page): Promise<void> {
      await ended(2, at);
      expect([await textOf(0, at), await textOf(1, at)]).toEqual(textsOf(known));
    }

    it('streams two quantizations, marks the first difference, and shows what was measured', async () => {
      await inTheMiddle(async () => {
        expect(await page.getByText('0 of 2 lanes have ended.').count()).toBe(1);
      });
      events.release();
      await untilAllIsThere();
      const { commonPrefixChars, firstDifferentToken } = known.lanes[1]!.divergence!;
      for (const index of [0, 1]) {
        const common = await answerOf(index).locator('.common').allTextContents();
        expect(common.join('')).toBe(textsOf(known)[index]!.slice(0, commonPrefixChars));
        const mark = (await answerOf(index).locator('mark').textContent())!;
        expect(textsOf(known)[index]!.slice(commonPrefixChars)).toMatch(new RegExp(`^${mark}`));
      }
      expect(await answerOf(0).locator('mark').textContent()).not.toBe(
        await answerOf(1).locator('mark').textContent(),
      );
      await lanes()
        .nth(1)
        .getByText(`Parts from Q2_K after ${commonPrefixChars} characters, at token ${firstDifferentToken}`)
        .waitFor();
      await page.getByText('Likely tokens there').click();
      const likely = page.getByRole('region', { name: 'Likely tokens where' });
      await likely.waitFor();
      // Greedy: each lane went on with what its own model held likeliest.
      const [own] = await likely.locator('tbody tr').allTextContents();
      expect(own).toMatch(/^"[^"]+"[\d.]+ %[\d.]+ %This lane$/);
      const reference = await likely.locator('tbody tr').filter({ hasText: 'Q2_K' }).textContent();
      expect(reference).toMatch(/^"[^"]+"[\d.]+ %[\d.]+ %Q2_K$/);
      await page.getByText('In turn', { exact: true }).click();
      await page.getByText('Lanes 0 and 1 would share').waitFor();
      await lanes()
        .first()
        .getByText(/^[\d.,]+ tokens\/s$/)
        .waitFor();

      const table = page.getByRole('region', { name: 'Measured' });
      expect(await table.locator('thead th').allTextContents()).toEqual(QUANTIZATIONS);
      for (const row of ['Load, ms', 'Eval, ms', 'Tokens', 'Memory, planned', 'Memory, measured']) {
        const cells = await table.getByRole('row', { name: row }).locator('td').allTextContents();
        expect(cells.every((cell) => /^[\d.,]+/.test(cell))).toBe(true);
      }
      // Of each chart the longest bar ends where the others do at most, and each lane has one.
      expect(await page.locator('.bar-chart').first().locator('.track').count()).toBe(2);
      expect(await page.locator('.bar-chart').last().locator('.track').count()).toBe(4);
    });

    it('loses and doubles nothing when it is loaded again in mid-answer', async () => {
      await inTheMiddle(async () => {
        await page.reload();
        events.lose();
        await page.reload();
        await page.locator('.lane .answer[data-stage=WRITING]').waitFor();
      });
      await untilAllIsThere();
      await page.reload();
      await untilAllIsThere();
    });

    it('loses and doubles nothing when the network goes in mid-answer', async () => {
      await page.close();
      const network = await brokenNetwork(Number(new URL(origin).port));
      try {
        await open(network.origin);
        await inTheMiddle(async (half) => {
          network.cut();
          events.lose();
          await page.getByText('The way to the gateway is lost').waitFor();
          expect(await textOf(0)).toBe(half);
          network.mend();
        });
        await untilAllIsThere();
        expect(events.askedAfter.at(-1)).toBeGreaterThan(0);
      } finally {
        network.close();
      }
    });

    it('divides a long paragraph only where a line begins', async () => {
      await untilOnlyResidents(gateway);
      const measured = async () => {
        const { id } = await startComparison(gateway, {
          prompt: { text: 'Once upon a time' },
          maxTokens: 1000,
          // Any token of the vocabulary: it does not end by itself, and hardly ever begins a new line.
          sampling: { temperature: 10, topK: 0, topP: 1, minP: 0, seed: 4 },
          lanes: QUANTIZATIONS.map((quantization) => ({ model: DEMO, quantization })),
          onDisconnect: 'CONTINUE',
        });
        const isLong = async (): Promise<void> => {
          await page.goto(`${origin}/compare/${id}`);
          await page
            .locator('.answer[aria-busy=true]', { hasText: /.{1000}/s })
            .first()
            .waitFor();
        };
        await crawlUntil(gateway, isLong());
        const shown = await frozen(gateway, () => page.evaluate(MEASURE));
        return shown === null ? null : { ...shown, id };
      };
      let shown = await measured();
      // On a very busy machine an answer may be whole before anybody could look.
      while (shown === null) shown = await measured();
      expect(shown.blocks).toBeGreaterThan(shown.text.split('\n').length);
      expect(shown.tops[0]).toEqual(shown.tops[1]);
      await ended();
      const index = Number(shown.lane.replace('lane-', ''));
      const { text } = (await comparison(gateway, shown.id)).lanes[index]!.generation;
      expect(text.startsWith(shown.text)).toBe(true);
      expect(await textOf(index)).toBe(text);
    });

    it('writes what is out of sight too, and goes on when it is scrolled to', async () => {
      // One lane fills it; the other is beside it.
      await page.setViewportSize({ width: 400, height: 700 });
      await untilOnlyResidents(gateway);
      await frozen(gateway, async () => {
        const { id: beside } = await startComparison(gateway, {
          prompt: { text: 'Once upon a time' },
          maxTokens: 1000,
          sampling: { temperature: 10, topK: 0, topP: 1, minP: 0, seed: 4 },
          lanes: QUANTIZATIONS.map((quantization) => ({ model: DEMO, quantization })),
          schedule: 'TOGETHER',
          onDisconnect: 'CONTINUE',
        });
        await page.goto(`${origin}/compare/${beside}`);
        const isWritten = async (): Promise<void> => {
          const written = textsOf(await comparison(gateway, beside));
          await expect.poll(() => Promise.all([textOf(0), textOf(1)])).toEqual(written);
        };
        const writes = page.locator('.answer[data-stage=WRITING]', { hasText: /.{30}/s });
        await crawlUntil(gateway, writes.nth(1).waitFor());
        await isWritten();
        await answerOf(1).scrollIntoViewIfNeeded();
        const before = (await textOf(1))!.length;
        const grows = expect.poll(async () => (await textOf(1))!.length).toBeGreaterThan(before);
        await crawlUntil(gateway, grows);
        await isWritten();
      });
      await ended();
    });

    it('is the same for whoever has the link, also while it runs', async () => {
      const context = await browser.newContext({ locale: 'en-US' });
      const other = await context.newPage();
      await inTheMiddle(async (half) => {
        const link = await page.getByLabel('Link').inputValue();
        expect(link).toBe(page.url());
        await other.goto(link);
        await other.locator('.lane .answer[data-stage=WRITING]').waitFor();
        await other.getByText(UNICORN).waitFor();
        // The first page is held back; this one may have seen more.
        expect((await textOf(0, other))!.startsWith(half)).toBe(true);
      });
      await untilAllIsThere(other);
      events.release();
      await untilAllIsThere();
      await context.close();
    });

    it('shows the error of a lane that fails, and the others go on', async () => {
      await fill('llama '.repeat(300));
      await editor(0).getByLabel('Context, tokens').fill('128');
      await page.getByLabel('Raw text').check();
      await page.getByLabel('At most, tokens').fill('8');
      await start();
      await ended();
      expect(await answerOf(0).getAttribute('data-stage')).toBe('FAILED');
      const problem = lanes().first().locator('.problem');
      expect(await problem.locator('code').textContent()).toBe('CONTEXT_OVERFLOW');
      expect((await problem.locator('p').textContent())!.length).toBeGreaterThan(20);
      expect(await answerOf(1).getAttribute('data-stage')).toBe('COMPLETED');
      expect(await lanes().nth(1).getByText('Parts from').count()).toBe(0);
    });

    it('refuses what cannot be, and says what to do', async () => {
      await fill();
      await editor(1).getByLabel('GPU layers').fill('99999999');
      await page.getByRole('button', { name: 'Compare', exact: true }).click();
      const problem = page.locator('form > .problem');
      expect(await problem.locator('code').textContent()).toBe('INVALID_INPUT');
      expect(await problem.locator('p').textContent()).toContain('Lane 1: gpuLayers');
    });

    it('stops one lane, and the others go on', async () => {
      await inTheMiddle(async () => {
        await page.getByRole('button', { name: `Stop ${DEMO}:Q4_K_M` }).click();
        events.release();
        await page.locator('.lane .answer[data-stage=CANCELLED]').waitFor();
      });
      await ended();
      expect(await answerOf(1).getAttribute('data-stage')).toBe('CANCELLED');
      expect(await textOf(0)).toBe(textsOf(known)[0]);
    });

    it('stops all', async () => {
      await inTheMiddle(async () => {
        const asked = page.waitForRequest((request) => request.postData()?.includes('CancelAll') === true);
        await page.getByRole('button', { name: 'Stop all' }).click();
        await asked;
        events.release();
      });
      await ended();
      expect(await page.locator('.lane .answer[data-stage=CANCELLED]').count()).toBe(2);
    });

    it('hides which is which until every answer is voted on', async () => {
      await fill();
      await page.getByLabel('Blind').check();
      await start();
      await ended();
      expect(await page.locator('.lane > h3').allTextContents()).toEqual(['A', 'B']);
      expect(await page.locator('main').textContent()).not.toMatch(/Q2_K|Q4_K_M|tokens\/s|Timings/);
      const vote = page.getByRole('group', { name: 'B, against A' });
      await vote.getByLabel('Comment').fill('It knows unicorns');
      await vote.getByRole('button', { name: 'Better' }).click();
      await page.getByText('All is told').waitFor();
      const told = await comparison(gateway, id());
      expect(told.votes).toEqual([{ lane: 1, value: 'BETTER', comment: 'It knows unicorns', isBlind: true }]);
      const labels = told.lanes.map(({ label }) => label);
      expect(labels.toSorted()).toEqual(QUANTIZATIONS.map((each) => `${DEMO}:${each}`));
      expect(await page.locator('.lane > h3').allTextContents()).toEqual(labels);
      expect(await page.locator('.given').textContent()).toBe('Better – It knows unicorns');
      await page.getByText('Timings').first().waitFor();

      await page.getByRole('link', { name: 'Another comparison' }).click();
      const rates = page.getByRole('region', { name: 'Win rates' });
      const cells = rates.getByRole('row', { name: labels[1]! }).locator('td');
      await cells.first().waitFor();
      expect((await cells.allTextContents()).slice(0, 4)).toEqual(['1', '0', '0', '100 %']);
      await page.getByRole('link', { name: UNICORN }).first().click();
      await ended();
    });

    it('runs the same again, also in turn, with the same seed', async () => {
      await page.getByLabel('Prompt', { exact: true }).fill(UNICORN);
      await page.getByRole('combobox', { name: 'Schedule' }).selectOption('TOGETHER');
      for (const number of [0, 1]) await editor(number).getByLabel('Quantization').selectOption('Q2_K');
      await start();
      await ended();
      await page.getByText('Together', { exact: true }).waitFor();
      const first = id();
      const drawn = await textOf(0);
      await lanes().nth(1).getByText('Says the same as Q2_K #0.').waitFor();
      await page.getByRole('button', { name: 'Run again in turn' }).click();
      await page.waitForURL((url) => !url.pathname.endsWith(first));
      await ended();
      await page.getByText('In turn', { exact: true }).waitFor();
      expect(await textOf(0)).toBe(drawn);
      const second = id();
      await page.getByRole('button', { name: 'Run again, same seed' }).click();
      await page.waitForURL((url) => !url.pathname.endsWith(second));
      await ended();
      expect(await textOf(0)).toBe(drawn);
    });

    it('marks where an answer is in another language than asked for', async () => {
      await fill('ユニコーンが近づいてきます。リャマとしてどうすればいいですか?英語で答えて', [
        'Q8_0',
        'Q8_0',
      ]);
      await start();
      await ended();
      await answerOf(0).getByRole('img', { name: 'Another language from here on' }).waitFor();
      const foreign = await answerOf(0).locator('.foreign[lang=ja]').allTextContents();
      expect(foreign.join('').length).toBeGreaterThan(10);
      await lanes()
        .first()
        .getByText(/^Language: ja \(expected en, [\d.]+ % consistent\)$/)
        .waitFor();
      // What is drawn is no part of the text.
      expect(await textOf(0)).toBe((await comparison(gateway, id())).lanes[0]!.generation.text);
    });

    it('takes prompt, conversation and settings from the playground', async () => {
      await page.goto(origin);
      await setGreedy(page);
      await page.getByLabel('Quantization').selectOption('Q2_K');
      await page.getByLabel('At most, tokens').fill('8');
      await send(page, UNICORN);
      await untilStage(page);
      const said = (await page.locator('.conversation .answer').textContent())!;
      await page.getByLabel('Prompt', { exact: true }).fill('And then?');
      await page.getByRole('button', { name: 'Compare this prompt' }).click();
      await page.getByText('Goes on with a conversation of 2 messages.').waitFor();
      await editor(1).getByLabel('Quantization').selectOption('Q4_K_M');
      expect(await editor(0).getByLabel('Quantization').inputValue()).toBe('Q2_K');
      // Kept, as the playground's are.
      await page.reload();
      expect(await editor(1).getByLabel('Quantization').inputValue()).toBe('Q4_K_M');
      const asked = page.waitForRequest(
        (request) => request.postData()?.includes('StartComparison') === true,
      );
      await start();
      const { variables } = (await asked).postDataJSON() as { variables: { input: object } };
      expect(variables.input).toMatchObject({
        maxTokens: 8,
        sampling: { temperature: 0 },
        prompt: {
          messages: [
            { role: 'USER', content: UNICORN },
            { role: 'ASSISTANT', content: said },
            { role: 'USER', content: 'And then?' },
          ],
        },
      });
      await page.getByText('2 messages before it').click();
      await page.locator('.said').getByText(said).waitFor();
    });

    it('adds, copies and removes lanes, from 2 to 8, or takes every quantization', async () => {
      await editor(1).getByLabel('Quantization').selectOption('Q8_0');
      expect(await page.getByRole('button', { name: 'Remove lane 0' }).isDisabled()).toBe(true);
      await page.getByRole('button', { name: 'Duplicate lane 1' }).click();
      expect(await editor(2).getByLabel('Quantization').inputValue()).toBe('Q8_0');
      const add = page.getByRole('button', { name: 'Add a lane' });
      for (let count = 3; count < 8; count++) await add.click();
      expect(await add.isDisabled()).toBe(true);
      expect(await page.getByRole('button', { name: 'Duplicate lane 0' }).isDisabled()).toBe(true);
      await page.getByRole('button', { name: 'Remove lane 0' }).click();
      expect(await page.locator('.lane-editor').count()).toBe(7);
      await page.getByRole('button', { name: 'Every quantization of this model' }).click();
      const chosen = await page.locator('.lane-editor').getByLabel('Quantization').all();
      expect(await Promise.all(chosen.map((each) => each.inputValue()))).toEqual([
        ...['Q2_K', 'Q4_K_M', 'Q6_K', 'Q8_0', 'F16'],
      ]);
      await editor(4).locator('.preview summary').getByText('F16 on').waitFor();
      // No browser lends itself here.
      expect(await page.getByRole('button', { name: 'Native against browser' }).isDisabled()).toBe(true);
    });

    describe('of one that has ended', () => {
      beforeEach(async () => {
        await page.goto(`${origin}/compare/${known.id}`);
        await ended();
      });

      it.each(['light', 'dark'])('finds nothing in the way, in the %s theme', async (theme) => {
        await page.getByRole('combobox', { name: 'Theme' }).selectOption(theme);
        for (const summary of await page.locator('summary').all()) await summary.click();
        expect(await grave(page)).toEqual([]);
      });

      it('shows one lane after the other on a phone, without scrolling the page sideways', async () => {
        await page.setViewportSize({ width: 360, height: 740 });
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
        const left = async (index: number) => (await lanes().nth(index).boundingBox())!.x;
        expect(await left(1)).toBeGreaterThanOrEqual(360);
        await page.getByRole('navigation', { name: 'Lanes' }).getByRole('link', { name: 'Q4_K_M' }).click();
        await expect.poll(() => left(1)).toBeLessThan(40);
        expect(await left(0)).toBeLessThan(0);
      });

      it('has it in Japanese', async () => {
        await page.getByRole('combobox', { name: 'Language' }).selectOption('ja');
        await page.getByText('2レーン中2レーンが終了しました。').waitFor();
        await page.getByRole('button', { name: '順番に再実行' }).waitFor();
        await lanes()
          .nth(1)
          .getByText(/^Q2_K と最初の\d+文字が同じです/)
          .waitFor();
      });

      it('gives it away as a file', async () => {
        const download = page.waitForEvent('download');
        await page.getByRole('button', { name: 'Export JSON' }).click();
        const file = await download;
        expect(file.suggestedFilename()).toBe(`comparison-${known.id}.json`);
        const given = JSON.parse(await readFile(await file.path(), 'utf8')) as {
          runs: { text: string }[];
        };
        expect(given.runs.map(({ text }) => text)).toEqual(textsOf(known));
      });

      it('copies the link where it may, and else selects it', async () => {
        await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin });
        await page.getByRole('button', { name: 'Copy link' }).click();
        await page.getByText('Copied.').waitFor();
        expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(page.url());
        await page.evaluate(() => {
          // As on a page without https.
          Object.defineProperty(navigator, 'clipboard', { value: undefined });
        });
        await page.getByRole('button', { name: 'Copy link' }).click();
        await page.getByText('the link is selected').waitFor();
        expect(await page.evaluate(() => getSelection()?.toString())).toBe(page.url());
      });
    });

    it('says that a comparison is not there', async () => {
      await page.goto(`${origin}/compare/no-such-id`);
      await page.getByText('There is no such comparison').waitFor();
      expect(await page.locator('.problem code').textContent()).toBe('NOT_FOUND');
    });
  });

import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { brokenNetwork } from '../support/broken-network.ts';
import { noBrowser, startBrowser, skipWithoutBrowser } from '../support/browser.ts';
import { answer, HeldEvents, openDashboard, send, setGreedy, untilStage } from '../support/dashboard.ts';
import { crawlUntil, frozen } from '../support/engines.ts';
import { DEMO, GENERATE, startGateway, textOf, UNICORN, type TestGateway } from '../support/gateway.ts';

if (noBrowser !== null)
  describe('the playground', () => it(`needs a browser: ${noBrowser}`, skipWithoutBrowser));
else
  describe('the playground', () => {
    let gateway: TestGateway;
    let browser: Browser;
    let origin: string;
    let whole: string;
    let page: Page;
    let problems: string[];
    let events: HeldEvents;

    beforeAll(async () => {
      [gateway, browser] = await Promise.all([startGateway(), startBrowser()]);
      ({ origin } = new URL(gateway.url));
      const input = {
        model: DEMO,
        prompt: { messages: [{ role: 'USER', content: UNICORN }] },
        sampling: { temperature: 0 },
      };
      const told = await gateway.subscribe<'generate'>(GENERATE, { input });
      whole = textOf(told.map(({ generate }) => generate));
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
      ({ page, problems } = await openDashboard(browser, at, '/', events));
      await setGreedy(page);
    }

    /** In the middle of the answer: some of it is there, the rest is held back. */
    async function untilHalf(): Promise<string> {
      events.hold(3);
      await frozen(gateway, async () => {
        await send(page, UNICORN);
        await events.untilFollowed;
        await crawlUntil(gateway, events.untilHeld);
      });
      await untilStage(page, 'WRITING');
      await page.evaluate(() => new Promise(requestAnimationFrame));
      const half = (await answer(page).textContent())!;
      expect(whole.startsWith(half)).toBe(true);
      expect(half.length).toBeGreaterThan(0);
      expect(half.length).toBeLessThan(whole.length);
      return half;
    }

    it('streams an answer, and tells its plan, its reasons and its timings', async () => {
      await untilHalf();
      events.release();
      await untilStage(page);
      expect(await answer(page).textContent()).toBe(whole);
      await page.getByText('Ran as').click();
      await page.locator('.conversation .reasons li').first().waitFor();
      await page.getByText('Timings').click();
      const rows = await page.locator('.conversation tbody th').allTextContents();
      expect(rows).toEqual(['Queue', 'Load', 'Sample', 'Prompt eval', 'Eval', 'To the first token', 'Total']);
    });

    it('says before it is sent what would run and why, and runs what is pinned', async () => {
      await page.getByText('Would run').click();
      await page.locator('.preview .reasons li').first().waitFor();
      await page.getByLabel('Quantization').selectOption('Q2_K');
      await page.locator('.preview summary').getByText('Q2_K').waitFor();
      await send(page, UNICORN);
      await untilStage(page);
      expect(await page.locator('.conversation summary').first().textContent()).toContain('Q2_K');
    });

    it('goes on with a conversation and its system prompt', async () => {
      await page.getByLabel('System prompt').fill('You are a llama.');
      await page.getByLabel('At most, tokens').fill('8');
      await send(page, UNICORN);
      await untilStage(page);
      const first = (await answer(page).textContent())!;
      const asked = page.waitForRequest((request) => request.postData()?.includes('mutation Start') === true);
      await send(page, 'And then?');
      const { variables } = (await asked).postDataJSON() as {
        variables: { input: { prompt: { messages: object[] } } };
      };
      expect(variables.input.prompt.messages).toEqual([
        { role: 'SYSTEM', content: 'You are a llama.' },
        { role: 'USER', content: UNICORN },
        { role: 'ASSISTANT', content: first },
        { role: 'USER', content: 'And then?' },
      ]);
      await untilStage(page);
    });

    it('gives raw text to the model as it is', async () => {
      await page.getByLabel('Raw text').check();
      await page.getByLabel('At most, tokens').fill('4');
      const asked = page.waitForRequest((request) => request.postData()?.includes('mutation Start') === true);
      await send(page, 'Once upon a time');
      expect((await asked).postDataJSON()).toMatchObject({
        variables: { input: { prompt: { text: 'Once upon a time' } } },
      });
      await untilStage(page);
    });

    it('loses and doubles nothing when it is loaded again in mid-answer', async () => {
      const half = await untilHalf();
      await page.reload();
      // What was there is there at once, before the gateway has said anything.
      await untilStage(page, 'WRITING');
      expect(await answer(page).textContent()).toBe(half);
      events.lose();
      // The page's first connection has asked after 0, the second where the text ended.
      await page.reload();
      await untilStage(page);
      expect(await answer(page).textContent()).toBe(whole);
      expect(events.askedAfter[0]).toBe(0);
      expect(events.askedAfter.at(-1)).toBeGreaterThan(0);
      await page.reload();
      await untilStage(page);
      expect(await answer(page).textContent()).toBe(whole);
    });

    it('loses and doubles nothing when the network goes in mid-answer', async () => {
      await page.close();
      const network = await brokenNetwork(Number(new URL(origin).port));
      try {
        await open(network.origin);
        const half = await untilHalf();
        network.cut();
        events.lose();
        await page.getByText('The way to the gateway is lost').waitFor();
        expect(await answer(page).textContent()).toBe(half);
        network.mend();
        await untilStage(page);
        expect(await answer(page).textContent()).toBe(whole);
        expect(events.askedAfter.at(-1)).toBeGreaterThan(0);
      } finally {
        network.close();
      }
    });

    it('goes on with an answer while another page is looked at', async () => {
      await untilHalf();
      await page.getByRole('link', { name: 'Devices' }).click();
      await page.getByRole('heading', { name: 'Devices' }).waitFor();
      events.release();
      await page.getByRole('link', { name: 'Playground' }).click();
      await untilStage(page);
      expect(await answer(page).textContent()).toBe(whole);
    });

    it('stops', async () => {
      await frozen(gateway, async () => {
        await send(page, UNICORN);
        await events.untilFollowed;
        await page.getByRole('button', { name: 'Stop' }).click();
      });
      await untilStage(page, 'CANCELLED');
      await page.getByRole('button', { name: 'Send' }).waitFor();
    });

    it('shows an error with its code and what to do', async () => {
      await page.getByLabel('Context, tokens').fill('99999999');
      await page.locator('.settings .problem code').getByText('INVALID_INPUT').waitFor();
      await send(page, UNICORN);
      await untilStage(page, 'FAILED');
      const problem = page.locator('.conversation .problem');
      expect(await problem.locator('code').textContent()).toBe('INVALID_INPUT');
      expect(await problem.locator('p').textContent()).toContain('contextSize');
    });

    it('keeps what it has when the gateway has forgotten the answer', async () => {
      await page.close();
      const other = await startGateway();
      const network = await brokenNetwork(Number(new URL(origin).port));
      try {
        await open(network.origin);
        const half = await untilHalf();
        network.target(Number(new URL(other.url).port));
        events.lose();
        await untilStage(page, 'FAILED');
        expect(await page.locator('.conversation .problem code').textContent()).toBe('NOT_FOUND');
        expect(await answer(page).textContent()).toBe(half);
      } finally {
        network.close();
        await other.stop();
      }
    });
  });

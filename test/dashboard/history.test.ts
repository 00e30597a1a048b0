import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noBrowser, startBrowser, skipWithoutBrowser } from '../support/browser.ts';
import { compare } from '../support/comparing.ts';
import {
  answer,
  grave,
  onPage,
  PHONE_WIDTH,
  setTheme,
  untilStage,
  widthOnPhone,
} from '../support/dashboard.ts';
import { DEMO, GENERATE, startGateway, UNICORN, type TestGateway } from '../support/gateway.ts';

/** Answered in Japanese all the same. */
const DRIFTS = 'ユニコーンが近づいてきます。リャマとしてどうすればいいですか?英語で答えて';
const BEFORE = { role: 'USER', content: 'Who are you?' };
const SAID = { role: 'ASSISTANT', content: 'A llama.' };
/** Goes on until the context is full. */
const ENDLESS = { jsonSchema: { type: 'array', minItems: 500, items: { type: 'integer' } } };

const user = (content: string) => ({ role: 'USER', content });

if (noBrowser !== null)
  describe('the page of the history', () => it(`needs a browser: ${noBrowser}`, skipWithoutBrowser));
else
  describe('the page of the history', () => {
    let gateway: TestGateway;
    let browser: Browser;
    let unicorn: string;

    beforeAll(async () => {
      [gateway, browser] = await Promise.all([startGateway(), startBrowser()]);
      await generate([user('How do I greet a dragon?')], { quantization: 'Q4_K_M', maxTokens: 8 });
      await generate([user(DRIFTS)], { sampling: { temperature: 0, repeatPenalty: 1 } });
      const chat = [{ role: 'SYSTEM', content: 'You are a llama.' }, BEFORE, SAID, user(UNICORN)];
      unicorn = await generate(chat, { sampling: { seed: 7, temperature: 0.5 }, maxTokens: 60 });
      const lanes = ['Q2_K', 'Q8_0'].map((quantization) => ({ model: DEMO, quantization }));
      const prompt = { messages: [user('What does a llama eat?')] };
      await compare(gateway, { prompt, lanes, maxTokens: 6, sampling: { seed: 3 } });
      await gateway.subscribe(
        'subscription ($input: EvaluateQualityInput!) { evaluateQuality(input: $input) { progress } }',
        { input: { model: DEMO, quantizations: ['Q2_K'], text: 'A unicorn walks. '.repeat(20) } },
      );
    });
    afterAll(async () => {
      await browser.close();
      await gateway.stop();
    });

    async function generate(messages: object[], more: object): Promise<string> {
      const input = { model: DEMO, quantization: 'Q8_0', prompt: { messages }, ...more };
      const [first] = await gateway.subscribe<'generate'>(GENERATE, { input });
      return first!.generate.generationId;
    }

    const on = (at: string, work: (page: Page) => Promise<void>, of = gateway): Promise<void> =>
      onPage({ browser, origin: new URL(of.url).origin }, at, work);

    /** The list, once it shows exactly these, newest first. */
    async function untilListed(page: Page, ...names: (string | RegExp)[]): Promise<void> {
      const entries = page.locator('.entries h3');
      for (const [index, name] of names.entries()) await entries.nth(index).getByText(name).waitFor();
      await entries.nth(names.length).waitFor({ state: 'detached' });
    }
    const filter = (page: Page, label: string) => page.locator('.filters').getByLabel(label);

    it('finds generations, and has what it was asked for in its address', () =>
      on('/history', async (page) => {
        const [dragon, llama] = ['How do I greet a dragon?', 'What does a llama eat?'];
        await untilListed(page, llama, llama, UNICORN, /英語で答えて/, dragon);
        await filter(page, 'Lanes').selectOption('without them');
        await untilListed(page, UNICORN, /英語で答えて/, dragon);
        const row = page.locator('.entries li').first();
        expect(await row.locator('p.quiet').textContent()).toMatch(
          new RegExp(`${DEMO}:Q8_0 · .+ · done · 60 tokens · [\\d,.]+ tokens/s · en`),
        );
        await filter(page, 'Drifted').selectOption('yes');
        await untilListed(page, /英語で答えて/);
        await page.locator('.drifted').waitFor();
        await page.goBack();
        await untilListed(page, UNICORN, /英語で答えて/, dragon);
        expect(await filter(page, 'Drifted').inputValue()).toBe('');
        await filter(page, 'Search').pressSequentially('GREET');
        await untilListed(page, dragon);
        await page.waitForURL(/\/history\?search=GREET&lanes=no$/);
        await filter(page, 'Quantization').fill('Q2_K');
        await page.getByText('Nothing fits the filters.').waitFor();
        await page.getByRole('link', { name: 'Without filters' }).click();
        await untilListed(page, llama, llama, UNICORN, /英語で答えて/, dragon);
      }));

    it('shows the same to whoever has the link', () =>
      on('/history?language=ja&state=COMPLETED&from=2026-01-01', async (page) => {
        await untilListed(page, /英語で答えて/);
        expect(await filter(page, "Answer's language").inputValue()).toBe('ja');
        expect(await filter(page, 'State').inputValue()).toBe('COMPLETED');
        expect(await filter(page, 'From').inputValue()).toBe('2026-01-01');
        await filter(page, 'Until').fill('2026-01-02');
        await page.getByText('Nothing fits the filters.').waitFor();
      }));

    it('opens a generation again, with its plan, timings, settings and what was said before', () =>
      on('/history', async (page) => {
        await page.getByRole('link', { name: UNICORN }).click();
        await page.waitForURL(new RegExp(`/history/${unicorn}$`));
        await page.locator('.answer[data-stage=COMPLETED]').waitFor();
        const { data } = await gateway.query<{ generation: { text: string } }>(
          'query ($id: ID!) { generation(id: $id) { text } }',
          { id: unicorn },
        );
        expect(await answer(page).textContent()).toBe(data.generation.text);
        for (const summary of await page.locator('summary').all()) await summary.click();
        await page.locator('.reasons li').first().waitFor();
        await page.getByRole('row', { name: /^Eval/ }).waitFor();
        await page.getByText('You are a llama.').waitFor();
        expect(await page.locator('.facts').textContent()).toContain('Temperature0.5');
        expect(await page.getByLabel('Link').inputValue()).toBe(page.url());
      }));

    it('marks where an answer drifts', () =>
      on('/history?drifted=yes', async (page) => {
        await page.locator('.entries a').click();
        await page.getByRole('img', { name: 'Another language from here on' }).waitFor();
        await page.getByText('Drifts into another language at character 0').waitFor();
      }));

    it('goes on with a conversation in the playground, or asks the same again', () =>
      on(`/history/${unicorn}`, async (page) => {
        await page.locator('.answer[data-stage=COMPLETED]').waitFor();
        const text = await answer(page).textContent();
        await page.getByRole('button', { name: 'Continue in the playground' }).click();
        await untilStage(page);
        expect(await page.locator('.prompt').allTextContents()).toEqual([
          `You: ${BEFORE.content}`,
          `You: ${UNICORN}`,
        ]);
        expect(await answer(page).textContent()).toBe(text);
        expect(await page.getByLabel('System prompt').inputValue()).toBe('You are a llama.');

        await page.goBack();
        await page.getByRole('button', { name: 'Ask again in the playground' }).click();
        await page.locator('.preview').waitFor();
        expect(await page.getByRole('textbox', { name: 'Prompt', exact: true }).inputValue()).toBe(UNICORN);
        await page.getByRole('button', { name: 'Send' }).click();
        await untilStage(page);
        // With the same settings, seed and all.
        expect(await answer(page).textContent()).toBe(text);
        expect(await page.locator('.conversation > li').count()).toBe(2);
      }));

    it('follows one that is still being written, and keeps it until it has ended', async () => {
      const { data } = await gateway.query<{ startGeneration: { id: string } }>(
        'mutation ($input: GenerateInput!) { startGeneration(input: $input) { id } }',
        {
          input: {
            model: DEMO,
            prompt: { messages: [user('Count.')] },
            onDisconnect: 'CONTINUE',
            ...ENDLESS,
          },
        },
      );
      const { id } = data.startGeneration;
      await on(`/history/${id}`, async (page) => {
        await page.locator('.answer[data-stage=WRITING]').waitFor();
        expect(await page.getByRole('button', { name: 'Delete' }).count()).toBe(0);
        await gateway.query('mutation ($id: ID!) { cancelGeneration(id: $id) { id } }', { id });
        await page.locator('.answer[data-stage=CANCELLED]').waitFor();
        await page.getByRole('button', { name: 'Delete Count.' }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
        await page.waitForURL(/\/history$/);
        await page.goto(new URL(`/history/${id}`, gateway.url).href);
        await page.getByText('There is no such generation').waitFor();
      });
    });

    it('has comparisons, which open as they are, and evaluations with their results', () =>
      on('/history', async (page) => {
        await page.getByRole('link', { name: 'Comparisons', exact: true }).click();
        await untilListed(page, 'What does a llama eat?');
        await filter(page, 'Voted on').selectOption('yes');
        await page.getByText('Nothing fits the filters.').waitFor();
        await page.getByRole('link', { name: 'Evaluations' }).click();
        await untilListed(page, `Evaluation of ${DEMO}`);
        const row = page.getByRole('region', { name: 'Results' }).getByRole('row', { name: 'Q2_K' });
        expect(Number(await row.locator('td').first().textContent())).toBeGreaterThan(1);
        await page.goto(new URL('/history?kind=comparisons&voted=no', gateway.url).href);
        await page.getByRole('link', { name: 'What does a llama eat?' }).click();
        await page.locator('.lane .answer[data-stage=COMPLETED]').nth(1).waitFor();
      }));

    describe('everybody', () => {
      it.each(['light', 'dark'] as const)('finds nothing in the way in the %s theme', async (theme) => {
        for (const at of ['/history', '/history?kind=evaluations', `/history/${unicorn}`])
          await on(at, async (page) => {
            await setTheme(page, theme);
            await page.locator('.entries li, .answer[data-stage=COMPLETED]').first().waitFor();
            for (const summary of await page.locator('summary').all()) await summary.click();
            expect(await grave(page)).toEqual([]);
            const remove = page.getByRole('button', { name: /^Delete / }).first();
            await remove.click();
            await page.getByRole('dialog').waitFor();
            expect(await grave(page)).toEqual([]);
            await page.keyboard.press('Escape');
            await page.getByRole('dialog').waitFor({ state: 'detached' });
          });
      });

      it('has it on a phone, without scrolling sideways, and in Japanese', () =>
        on('/history', async (page) => {
          await page.getByRole('combobox', { name: 'Language' }).selectOption('ja');
          await page.getByRole('heading', { name: '履歴' }).waitFor();
          for (const name of ['生成', '比較', '品質評価']) {
            await page.locator('.kinds').getByRole('link', { name }).click();
            await page.locator('.entries li').first().waitFor();
            expect(await widthOnPhone(page)).toBe(PHONE_WIDTH);
          }
          await page.goto(new URL(`/history/${unicorn}`, gateway.url).href);
          await page.getByRole('button', { name: 'プレイグラウンドで続ける' }).waitFor();
          expect(await widthOnPhone(page)).toBe(PHONE_WIDTH);
        }));
    });

    it('says that the gateway is away, and has the list again when it is back', () =>
      on('/history', async (page) => {
        await page.locator('.entries li').first().waitFor();
        await page.context().setOffline(true);
        await page.getByRole('button', { name: 'Refresh' }).click();
        await page.getByText('The gateway cannot be reached').waitFor();
        await page.locator('.entries li').first().waitFor();
        await page.context().setOffline(false);
        await page.getByRole('button', { name: 'Try again' }).click();
        await page.getByText('The gateway cannot be reached').waitFor({ state: 'detached' });
      }));

    it('shows more, page by page, deletes one, and clears what is old', async () => {
      const start = 'mutation ($input: GenerateInput!) { startGeneration(input: $input) { id } }';
      for (let index = 0; index < 18; index++) {
        const prompt = { text: `Number ${index}` };
        const input = { model: DEMO, quantization: 'Q2_K', prompt, maxTokens: 1, onDisconnect: 'CONTINUE' };
        await gateway.query(start, { input });
      }
      await on('/history?lanes=no', async (page) => {
        const entries = page.locator('.entries li');
        await page.getByText('20 shown, there are more.').waitFor();
        await page.getByRole('button', { name: 'More' }).click();
        await page.getByText('22 shown.').waitFor();
        expect(await entries.count()).toBe(22);

        await page.getByRole('button', { name: 'Delete How do I greet a dragon?' }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'Keep' }).click();
        expect(await entries.count()).toBe(22);
        await page.getByRole('button', { name: 'Delete How do I greet a dragon?' }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
        await page.getByText('21 shown.').waitFor();
        expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('21 shown.');
        await page.reload();
        await page.getByText('20 shown, there are more.').waitFor();

        await page.getByLabel('Before', { exact: true }).fill('2100-01-01');
        await page.getByRole('button', { name: 'Delete all before it' }).click();
        const dialog = page.getByRole('dialog');
        await dialog
          .getByText('21 generations, 1 comparison with lanes and votes, and 1 evaluation')
          .waitFor();
        await dialog.getByRole('button', { name: 'Delete' }).click();
        await page.getByText('23 entries are deleted.').waitFor();
        await page.getByText('Nothing fits the filters.').waitFor();
      });
      const { data } = await gateway.query<{ history: { usage: object } }>(
        '{ history { usage { generations comparisons evaluations } } }',
      );
      expect(data.history.usage).toEqual({ generations: 0, comparisons: 0, evaluations: 0 });
    });

    it('says that history is off, and how to have it', async () => {
      const off = await startGateway(['--history', 'no']);
      try {
        await on(
          '/history',
          async (page) => {
            await page.getByText('History is off').waitFor();
            await page.getByText('There is nothing here yet.').waitFor();
          },
          off,
        );
      } finally {
        await off.stop();
      }
    });

    it('says what is wrong with the database, and goes on when it is there again', async () => {
      const folder = mkdtempSync(path.join(os.tmpdir(), 'mixgate-history-'));
      writeFileSync(path.join(folder, 'history.db'), 'This is no database. '.repeat(500));
      const damaged = await startGateway(['--data-dir', folder]);
      try {
        await on(
          '/history',
          async (page) => {
            await page.locator('.kept .problem code').getByText('HISTORY_UNAVAILABLE').waitFor();
            await page.getByText('not a database').first().waitFor();
            await page.getByRole('button', { name: 'Try again' }).click();
            await page.locator('.kept .problem code').getByText('HISTORY_UNAVAILABLE').waitFor();
            // It hinders nobody: what else there is can be used.
            await page.getByRole('link', { name: 'Playground' }).click();
            await page.getByRole('button', { name: 'Send' }).waitFor();
          },
          damaged,
        );
      } finally {
        await damaged.stop();
        rmSync(folder, { recursive: true });
      }
    });
  });

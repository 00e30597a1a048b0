import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noBrowser, startBrowser, WORKER_KEY, skipWithoutBrowser } from '../support/browser.ts';
import {
  grave,
  onPage,
  PHONE_WIDTH,
  send,
  setTheme,
  untilStage,
  widthOnPhone,
} from '../support/dashboard.ts';
import { DEMO, GENERATE, startGateway, textOf, UNICORN, type TestGateway } from '../support/gateway.ts';

const PATHS = ['/', '/compare', '/devices', '/models', '/lend', '/api'];

if (noBrowser !== null)
  describe('the dashboard', () => it(`needs a browser: ${noBrowser}`, skipWithoutBrowser));
else {
  let gateway: TestGateway;
  let browser: Browser;
  let origin: string;
  beforeAll(async () => {
    [gateway, browser] = await Promise.all([
      startGateway(['--worker-lease-ms', '5000'], { MIXGATE_WORKER_KEY: WORKER_KEY }),
      startBrowser(),
    ]);
    ({ origin } = new URL(gateway.url));
  });
  afterAll(async () => {
    await browser.close();
    await gateway.stop();
  });

  const on = (path: string, work: (page: Page) => Promise<void>) => onPage({ browser, origin }, path, work);
  const generate = async (more: object = {}): Promise<string> => {
    const input = {
      model: DEMO,
      prompt: { messages: [{ role: 'USER', content: UNICORN }] },
      maxTokens: 8,
      ...more,
    };
    const told = await gateway.subscribe<'generate'>(GENERATE, { input });
    return textOf(told.map((event) => event.generate));
  };

  describe('lending', () => {
    it('goes on while other pages are looked at, and ends with the page', async () => {
      await on('/', async (page) => {
        const nav = page.getByRole('navigation');
        const badge = page.locator('header [role=status]');
        await nav.getByRole('link', { name: 'Lend this browser' }).click();
        const worker = page.frameLocator('iframe');
        // Its script has run: before that, the button is a form's that goes nowhere.
        await worker.locator('#cpu-memory-shown').getByText('GiB').waitFor();
        await worker.getByLabel('Worker key').fill(WORKER_KEY);
        await worker.getByRole('button', { name: 'Lend' }).click();
        await badge.getByText('This browser is lent').waitFor();
        // Threads of WebAssembly need it, of the frame and of all around it.
        expect(await page.frames()[1]!.evaluate(() => crossOriginIsolated)).toBe(true);
        await nav.getByRole('link', { name: 'Models' }).click();
        await page.getByRole('heading', { name: 'Models' }).waitFor();
        const here = await generate({ quantization: 'Q8_0', sampling: { temperature: 0 } });
        const there = await generate({
          quantization: 'Q8_0',
          sampling: { temperature: 0 },
          backend: 'webgpu',
        });
        expect(there).toBe(here);
        await nav.getByRole('link', { name: 'Devices' }).click();
        await page
          .getByRole('article', { name: /Chrome/ })
          .first()
          .waitFor();
        await badge.getByText('This browser is lent').waitFor();
        await nav.getByRole('link', { name: 'Lend this browser' }).click();
        await worker.getByRole('button', { name: 'Stop' }).click();
        // A message from the frame says so.
        await expect.poll(() => badge.textContent()).toBe('');
      });
    });

    it('is shown for nobody but our own page in the frame', () =>
      on('/lend', async (page) => {
        await page.frameLocator('iframe').getByRole('button', { name: 'Lend' }).waitFor();
        await page.evaluate(() => {
          const data = { type: 'mixgate.lending', lending: 'connected' };
          dispatchEvent(new MessageEvent('message', { origin: 'https://example.com', data }));
        });
        await page.evaluate(() => new Promise(requestAnimationFrame));
        expect(await page.locator('header [role=status]').textContent()).toBe('');
      }));
  });

  describe('everybody', () => {
    describe.each(['light', 'dark'] as const)('in the %s theme', (theme) => {
      it.each(PATHS)('finds nothing in the way at %s', (path) =>
        on(path, async (page) => {
          await setTheme(page, theme);
          if (path === '/') {
            await page.getByRole('button', { name: 'Send' }).waitFor();
            await page.locator('.preview').waitFor();
            await send(page, UNICORN);
            await untilStage(page);
            for (const summary of await page.locator('summary').all()) await summary.click();
          }
          if (path === '/models') await page.locator('.chosen').waitFor();
          if (path === '/compare') await page.locator('.preview').last().waitFor();
          if (path === '/devices') await page.locator('.card').first().waitFor();
          if (path === '/api') await page.getByRole('textbox', { name: 'Schema' }).waitFor();
          if (path === '/lend') await page.frameLocator('iframe').locator('#toggle').waitFor();
          for (const frame of page.frames()) expect(await grave(frame)).toEqual([]);
        }),
      );
    });

    it('has it in Japanese, and it stays so', () =>
      on('/', async (page) => {
        await page.getByRole('combobox', { name: 'Language' }).selectOption('ja');
        await page.getByRole('heading', { name: 'プレイグラウンド' }).waitFor();
        await page.reload();
        await page.getByRole('heading', { name: 'プレイグラウンド' }).waitFor();
        expect(await page.locator('html').getAttribute('lang')).toBe('ja');
        expect(await page.title()).toBe('プレイグラウンド · mixgate');
      }));

    it('has it in the language of the browser', async () => {
      const page = await browser.newPage({ locale: 'ja-JP' });
      await page.goto(`${origin}/models`);
      await page.getByRole('heading', { name: 'モデル' }).first().waitFor();
      await page.goto(`${origin}/lend`);
      const worker = page.frameLocator('iframe');
      await worker.getByRole('heading', { name: 'このブラウザをmixgateに貸す' }).waitFor();
      await worker.getByLabel('ワーカーキー').fill('kept');
      await page.getByRole('combobox', { name: '言語' }).selectOption('en');
      await worker.getByRole('heading', { name: 'Lend this browser to mixgate' }).waitFor();
      expect(await worker.getByLabel('Worker key').inputValue()).toBe('kept');
      await page.close();
    });

    it('has it in the theme of the system, unless another was chosen', () =>
      on('/', async (page) => {
        const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
        await page.emulateMedia({ colorScheme: 'light' });
        const light = await ground();
        await page.emulateMedia({ colorScheme: 'dark' });
        expect(await ground()).not.toBe(light);
        await page.getByRole('combobox', { name: 'Theme' }).selectOption('light');
        expect(await ground()).toBe(light);
        await page.reload();
        expect(await ground()).toBe(light);
      }));

    it.each(PATHS)('has it on a phone, without scrolling sideways, at %s', (path) =>
      on(path, async (page) => {
        if (path === '/models') await page.locator('.chosen').waitFor();
        if (path === '/') await page.locator('.preview').waitFor();
        if (path === '/compare') await page.locator('.preview').last().waitFor();
        if (path === '/devices') await page.locator('.card').first().waitFor();
        if (path === '/api') await page.getByRole('textbox', { name: 'Schema' }).waitFor();
        expect(await widthOnPhone(page)).toBe(PHONE_WIDTH);
      }),
    );

    it('asks, reads and stops by the keyboard alone', () =>
      on('/', async (page) => {
        await page.locator('.preview').waitFor();
        await page.keyboard.press('Tab');
        expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to the page');
        await page.keyboard.press('Enter');
        await page.keyboard.press('Tab');
        await page.keyboard.type(UNICORN);
        await page.keyboard.press('Enter');
        await untilStage(page);
      }));
  });
}

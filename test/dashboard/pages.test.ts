import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noBrowser, startBrowser, WORKER_KEY } from '../support/browser.ts';
import { grave, openDashboard, send, untilStage } from '../support/dashboard.ts';
import { DEMO, GENERATE, startGateway, textOf, UNICORN, type TestGateway } from '../support/gateway.ts';

const PATHS = ['/', '/compare', '/devices', '/models', '/lend'];

if (noBrowser !== null)
  describe('the dashboard', () => it(`needs a browser: ${noBrowser}`, (test) => test.skip()));
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

  /** On a page of its own, which must not have gone wrong. */
  async function on(path: string, work: (page: Page) => Promise<void>): Promise<void> {
    const { page, problems } = await openDashboard(browser, origin, path);
    await work(page);
    await page.close();
    expect(problems).toEqual([]);
  }
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

  const residents = async (): Promise<number> => {
    const { data } = await gateway.query<{ devices: { resident: object[] }[] }>(
      '{ devices { resident { id } } }',
    );
    return data.devices.flatMap(({ resident }) => resident).length;
  };

  describe('the page of devices', () => {
    it('shows what is loaded, with its slots, and unloads, loads and pins it', async () => {
      await generate({ quantization: 'Q4_K_M' });
      await on('/devices', async (page) => {
        const row = page.getByRole('row', { name: `${DEMO}:Q4_K_M` });
        expect(await row.locator('td').first().textContent()).toMatch(/^0 of \d+$/);
        await page.getByText(/GiB free of/).waitFor();
        await page.getByRole('button', { name: `Unload ${DEMO}:Q4_K_M` }).click();
        await page.getByText(`${DEMO}:Q4_K_M is unloaded.`).waitFor();
        await row.waitFor({ state: 'detached' });
        expect(await residents()).toBe(0);

        await page.getByLabel('Quantization').selectOption('Q2_K');
        await page.getByRole('button', { name: 'Load', exact: true }).click();
        await page.getByText(`${DEMO}:Q2_K is loaded.`).waitFor();
        await page.getByRole('button', { name: `Pin ${DEMO}:Q2_K` }).click();
        await page.getByRole('row', { name: `${DEMO}:Q2_K Pinned` }).waitFor();
        // Pinned where it was, and not loaded a second time.
        expect(await residents()).toBe(1);
        await page.getByRole('button', { name: `Unload ${DEMO}:Q2_K` }).click();
        await page.getByText(`${DEMO}:Q2_K is unloaded.`).waitFor();
      });
    });

    it('sees what changes without being asked to', () =>
      on('/devices', async (page) => {
        await page.getByText('Nothing is loaded.').first().waitFor();
        await generate({ quantization: 'Q8_0' });
        await page.getByRole('row', { name: `${DEMO}:Q8_0` }).waitFor();
      }));

    it('says that the gateway is away, keeps what it knew, and goes on', () =>
      on('/devices', async (page) => {
        await page.getByText(/GiB free of/).waitFor();
        await page.context().setOffline(true);
        await page.getByText('The gateway cannot be reached').waitFor();
        await page.getByText(/GiB free of/).waitFor();
        await page.context().setOffline(false);
        await page.getByText('The gateway cannot be reached').waitFor({ state: 'detached' });
      }));
  });

  describe('the page of models', () => {
    const chosen = async (page: Page): Promise<string> => {
      await page.locator('.planner[aria-busy=false]').waitFor();
      return (await page.locator('.chosen').textContent())!;
    };

    it('lists what there is of each', () =>
      on('/models', async (page) => {
        await page.getByRole('heading', { name: 'Tiny Mixtral' }).waitFor();
        const table = page.getByRole('region', { name: 'Variants' });
        expect(await table.locator('tbody tr').count()).toBe(5);
        expect(await table.getByRole('row', { name: 'Q2_K' }).textContent()).toContain('perplexity ×1.232');
      }));

    it('chooses by the memory of the slider, with the keyboard too', () =>
      on('/models', async (page) => {
        await page.getByText('stay free as margin').waitFor();
        expect(await chosen(page)).toContain('Q6_K on Tesla V100 3 of 3 layers');
        const slider = page.getByRole('slider', { name: 'GPU memory' });
        await slider.press('Home');
        await page.locator('.chosen').getByText('Nothing fits.').waitFor();
        // Up from too little: each choice is at least as good as the one before.
        const choices = new Set<string>();
        for (let step = 64; step <= 104; step += 2) {
          await slider.fill(String(step));
          choices.add(/(?:Q\w+ on|Nothing)/.exec(await chosen(page))![0]);
        }
        expect([...choices]).toContain('Nothing');
        expect([...choices].at(-1)).toBe('Q6_K on');
        expect(choices.size).toBeGreaterThan(2);
        await slider.press('End');
        await page.locator('.chosen').getByText('Q6_K on hypothetical').waitFor();
        expect(await page.locator('.planner output').textContent()).toBe('80 GiB');
        expect(await page.locator('.planner .legend').textContent()).toMatch(
          /Weights .+KV cache .+Compute .+Margin 1 GiB.+Free/,
        );
      }));

    it('takes a card from the list', () =>
      on('/models', async (page) => {
        await page.getByLabel('Card').selectOption('H100');
        await page.locator('.chosen').getByText('on H100').waitFor();
        expect(await page.getByRole('slider').getAttribute('aria-valuetext')).toBe('80 GiB');
      }));
  });

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
        expect(await badge.textContent()).toBe('');
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
          await page.getByRole('combobox', { name: 'Theme' }).selectOption(theme);
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
        await page.setViewportSize({ width: 360, height: 740 });
        if (path === '/models') await page.locator('.chosen').waitFor();
        if (path === '/') await page.locator('.preview').waitFor();
        if (path === '/compare') await page.locator('.preview').last().waitFor();
        if (path === '/devices') await page.locator('.card').first().waitFor();
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
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

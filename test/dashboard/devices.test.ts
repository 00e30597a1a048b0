import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { brokenNetwork } from '../support/broken-network.ts';
import { noBrowser, startBrowser, WORKER_KEY, skipWithoutBrowser } from '../support/browser.ts';
import { grave, onPage, PHONE_WIDTH, setTheme, widthOnPhone } from '../support/dashboard.ts';
import { frozen, untilOnlyResidents } from '../support/engines.ts';
import { DEMO, GENERATE, startGateway, UNICORN, type TestGateway } from '../support/gateway.ts';

const CHAT = { messages: [{ role: 'USER', content: UNICORN }] };
/** A loaded machine takes its time. */
const SOON = { timeout: 15_000 };
/** Goes on until the context is full. */
const ENDLESS = { jsonSchema: { type: 'array', minItems: 500, items: { type: 'integer' } } };

if (noBrowser !== null)
  describe('the page of devices', () => it(`needs a browser: ${noBrowser}`, skipWithoutBrowser));
else
  describe('the page of devices', () => {
    let gateway: TestGateway;
    let browser: Browser;
    let origin: string;
    beforeAll(async () => {
      [gateway, browser] = await Promise.all([
        startGateway(['--slots', '1', '--worker-lease-ms', '5000'], { MIXGATE_WORKER_KEY: WORKER_KEY }),
        startBrowser(),
      ]);
      ({ origin } = new URL(gateway.url));
    });
    afterAll(async () => {
      await browser.close();
      await gateway.stop();
    });

    const on = (work: (page: Page) => Promise<void>) => onPage({ browser, origin }, '/devices', work);
    const generate = (quantization: string) =>
      gateway.subscribe<'generate'>(GENERATE, {
        input: { model: DEMO, prompt: CHAT, maxTokens: 8, quantization },
      });
    const start = async (quantization: string): Promise<string> => {
      const { data } = await gateway.query<{ startGeneration: { id: string } }>(
        'mutation ($input: GenerateInput!) { startGeneration(input: $input) { id } }',
        { input: { model: DEMO, prompt: CHAT, quantization, onDisconnect: 'CONTINUE', ...ENDLESS } },
      );
      return data.startGeneration.id;
    };
    const cancel = (id: string) =>
      gateway.query('mutation ($id: ID!) { cancelGeneration(id: $id) { state } }', { id });
    const residents = async (): Promise<{ id: string; isPinned: boolean; slots: number; plan: object }[]> => {
      const { data } = await gateway.query<{ devices: { resident: never[] }[] }>(
        '{ devices { resident { id isPinned slots plan { contextSize kvCacheType } } } }',
      );
      return data.devices.flatMap(({ resident }) => resident);
    };
    const isCrashing = async (): Promise<boolean> => {
      const { data } = await gateway.query<{ devices: { crashLoops: object[] }[] }>(
        '{ devices { crashLoops { crashes } } }',
      );
      return data.devices.some(({ crashLoops }) => crashLoops.length > 0);
    };
    const unload = async (page: Page, quantization: string): Promise<void> => {
      await page.getByRole('button', { name: `Unload ${DEMO}:${quantization}` }).click();
      await page.getByText(`${DEMO}:${quantization} is unloaded.`).waitFor();
    };

    it('shows what is loaded, with its slots, and unloads it', async () => {
      await generate('Q4_K_M');
      await on(async (page) => {
        const row = page.getByRole('row', { name: `${DEMO}:Q4_K_M` });
        expect(await row.locator('td').first().textContent()).toBe('0 of 1');
        await page.getByText(/GiB free of/).waitFor();
        await unload(page, 'Q4_K_M');
        await row.waitFor({ state: 'detached' });
        expect(await residents()).toEqual([]);
      });
    });

    it('loads as it is told, pins what is loaded and lets it go again', () =>
      on(async (page) => {
        await page.getByLabel('Quantization').selectOption('Q2_K');
        await page.getByText('Slots, context, layers, KV cache').click();
        await page.getByLabel('Slots', { exact: true }).fill('2');
        await page.getByLabel('Context, tokens').fill('256');
        await page.getByLabel('KV cache').selectOption('Q8_0');
        await page.getByRole('button', { name: 'Load', exact: true }).click();
        await page.getByText(`${DEMO}:Q2_K is loaded.`).waitFor();
        const row = page.getByRole('row', { name: `${DEMO}:Q2_K` });
        await row.getByText('context 256 · KV Q8_0').waitFor();
        expect(await row.locator('td').first().textContent()).toBe('0 of 2');
        await page.getByRole('button', { name: `Pin ${DEMO}:Q2_K`, exact: true }).click();
        await row.getByText('Pinned').waitFor();
        const [pinned, ...others] = await residents();
        expect(pinned).toMatchObject({ isPinned: true, slots: 2 });
        // Pinned where it was, and not loaded a second time.
        expect(others).toEqual([]);
        await page.getByRole('button', { name: `Unpin ${DEMO}:Q2_K` }).click();
        await row.getByText('Pinned').waitFor({ state: 'detached' });
        expect((await residents())[0]).toMatchObject({ id: pinned!.id, isPinned: false });
        await unload(page, 'Q2_K');
      }));

    it('says why something is not loaded', () =>
      on(async (page) => {
        await page.getByText('Slots, context, layers, KV cache').click();
        await page.getByLabel('Context, tokens').fill('99999999');
        await page.getByRole('button', { name: 'Load', exact: true }).click();
        await page.locator('.problem code').getByText('INVALID_INPUT').waitFor();
      }));

    it('sees what changes without being asked to', () =>
      on(async (page) => {
        await page.getByText('Nothing is loaded.').first().waitFor();
        await generate('Q8_0');
        await page.getByRole('row', { name: `${DEMO}:Q8_0` }).waitFor();
        await unload(page, 'Q8_0');
      }));

    it('shows who waits for the only slot, in turn, and who is cancelled is gone', () =>
      on(async (page) => {
        const [running, ...waiting] = [await start('Q2_K'), await start('Q2_K'), await start('Q2_K')];
        const queue = page.getByRole('region', { name: 'Queue' });
        const rows = queue.locator('tbody tr');
        await rows.nth(1).waitFor();
        const shown = async () =>
          Promise.all((await rows.all()).map((row) => row.locator('th, td').allTextContents()));
        const entry = (id: string, ahead: number) => [
          `generation ${id.slice(0, 8)}`,
          String(ahead),
          '0',
          `${DEMO}:Q2_K`,
        ];
        await expect.poll(shown, SOON).toEqual(waiting.map(entry));
        await frozen(gateway, async () => {
          const slots = page.getByRole('region', { name: 'Loaded models' }).locator('td').first();
          expect(await slots.textContent()).toBe('1 of 1');
          expect(await page.getByRole('button', { name: 'Unload' }).isDisabled()).toBe(true);
          for (const theme of ['light', 'dark'] as const) {
            await setTheme(page, theme);
            expect(await grave(page)).toEqual([]);
          }
          expect(await widthOnPhone(page)).toBe(PHONE_WIDTH);
          await cancel(waiting[0]);
          await expect.poll(shown, SOON).toEqual([entry(waiting[1], 0)]);
          await page.getByRole('combobox', { name: 'Language' }).selectOption('ja');
          await page.getByRole('region', { name: '待ち行列' }).getByText('生成').waitFor();
        });
        await cancel(running);
        await cancel(waiting[1]);
        await page.getByText('待機中の要求はありません。').first().waitFor();
      }));

    it('shows what crashes again and again, until it answers', () =>
      on(async (page) => {
        const loops = page.getByRole('region', { name: 'Crash loops' });
        const row = loops.getByRole('row', { name: `${DEMO}:Q6_K` });
        while (!(await isCrashing())) {
          const id = await start('Q6_K');
          await expect.poll(residents, SOON).not.toEqual([]);
          const before = await residents();
          await untilOnlyResidents(gateway);
          for (const pid of await gateway.runners()) process.kill(pid, 'SIGKILL');
          await expect.poll(residents, SOON).not.toEqual(before);
          await cancel(id);
        }
        await row.waitFor();
        expect(Number(await row.locator('td').first().textContent())).toBeGreaterThanOrEqual(3);
        await loops.getByText('The llama.cpp runner ended (SIGKILL)').waitFor();
        expect(await grave(page)).toEqual([]);
        expect(await widthOnPhone(page)).toBe(PHONE_WIDTH);
        const last = async () => (await generate('Q6_K')).at(-1)!.generate.__typename;
        await expect.poll(last, SOON).toBe('GenerationCompleted');
        await loops.waitFor({ state: 'detached' });
        await unload(page, 'Q6_K');
      }));

    it('says that the gateway is away, keeps what it knew, and goes on', () =>
      on(async (page) => {
        await page.getByText(/GiB free of/).waitFor();
        await page.context().setOffline(true);
        await page.getByText('The gateway cannot be reached').waitFor();
        await page.getByText(/GiB free of/).waitFor();
        await page.context().setOffline(false);
        await page.getByText('The gateway cannot be reached').waitFor({ state: 'detached' });
      }));

    it('shows browsers that are lent, when one is away, and drops it after its lease', async () => {
      const network = await brokenNetwork(Number(new URL(origin).port));
      try {
        await on(async (page) => {
          await page.getByText('No browser is lent.').waitFor();
          expect(await page.getByRole('link', { name: "Lend this browser's GPU" }).getAttribute('href')).toBe(
            '/lend',
          );
          const lending = await browser.newPage();
          await lending.goto(`${network.origin}/worker/`);
          // Its script has run: before that, the button is a form's that goes nowhere.
          await lending.locator('#cpu-memory-shown').getByText('GiB').waitFor();
          await lending.getByLabel('Worker key').fill(WORKER_KEY);
          await lending.getByLabel('Name of this browser').fill('Kitchen');
          await lending.getByRole('button', { name: 'Lend' }).click();
          const card = page.getByRole('article', { name: /Kitchen/ }).first();
          await card.getByText('connected').waitFor();
          await card.getByText(/web-llm .+wllama/).waitFor();
          network.cut();
          await card.getByText(/^away; given up at \d/).waitFor();
          await page.getByText('No browser is lent.').waitFor();
          await lending.close();
        });
      } finally {
        network.close();
      }
    });
  });

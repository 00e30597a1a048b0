import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { noBrowser, startBrowser, skipWithoutBrowser } from '../support/browser.ts';
import { grave, onPage, PHONE_WIDTH, setTheme, widthOnPhone } from '../support/dashboard.ts';
import { frozen } from '../support/engines.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { HubServer } from '../support/hub-server.ts';
import { HUB_MODEL, hubModel, ofHub, variantIds } from '../support/pulling.ts';
import { lastingFolder } from '../support/temporary-folder.ts';

const SOURCE = 'hf:demo/tiny';
/** A loaded machine takes its time. */
const SOON = { timeout: 15_000 };
const ENDLESS = { jsonSchema: { type: 'array', minItems: 500, items: { type: 'integer' } } };

if (noBrowser !== null)
  describe('the page of models', () => it(`needs a browser: ${noBrowser}`, skipWithoutBrowser));
else
  describe('the page of models', () => {
    const folder = lastingFolder();
    let gateway: TestGateway;
    let browser: Browser;
    let origin: string;
    let hub: HubServer;
    beforeAll(async () => {
      mkdirSync(path.join(folder(), 'models'));
      hub = await HubServer.start({
        'tiny.Q2_K.gguf': hubModel('Q2_K'),
        'tiny.Q4_K_M.gguf': hubModel('Q4_K_M'),
      });
      [gateway, browser] = await Promise.all([
        startGateway(['--slots', '1', '--models-dir', path.join(folder(), 'models')], {
          MIXGATE_HF_ENDPOINT: hub.url,
          MIXGATE_PULL_SEGMENT: '256KiB',
          MIXGATE_PULL_RETRY_MS: '10',
        }),
        startBrowser(),
      ]);
      ({ origin } = new URL(gateway.url));
    });
    afterAll(async () => {
      await browser.close();
      await gateway.stop();
      await hub.stop();
    });
    beforeEach(() => {
      hub.faults = {};
    });

    const on = (work: (page: Page) => Promise<void>) => onPage({ browser, origin }, '/models', work);
    const chosen = async (page: Page): Promise<string> => {
      await page.locator('.planner[aria-busy=false]').waitFor();
      return (await page.locator('.chosen').textContent())!;
    };
    const look = async (page: Page, source: string): Promise<void> => {
      await page.getByLabel('Source').fill(source);
      await page.getByRole('button', { name: 'Look what it has' }).click();
    };
    const pullIn = (page: Page, source: string) =>
      page.locator('.pulls > li').filter({ has: page.getByText(source, { exact: true }) });
    const until = (page: Page, source: string, state: string) =>
      page.locator(`.pulls > li[data-state=${state}]`).filter({ hasText: source }).waitFor();
    const remove = async (page: Page, quantization: string): Promise<void> => {
      await page.getByRole('button', { name: `Remove ${HUB_MODEL}:${quantization}` }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
    };

    it('lists what there is of each, and does not remove what comes with mixgate', () =>
      on(async (page) => {
        await page.getByRole('heading', { name: 'Tiny Mixtral' }).waitFor();
        const table = page.getByRole('region', { name: 'Variants' });
        expect(await table.locator('tbody tr').count()).toBe(5);
        const row = await table.getByRole('row', { name: 'Q2_K' }).textContent();
        expect(row).toContain('perplexity ×1.232');
        expect(row).toContain('comes with mixgate');
      }));

    it('chooses by the memory of the slider, with the keyboard too', () =>
      on(async (page) => {
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

    it('takes a card from the list, or this machine as it is', () =>
      on(async (page) => {
        await page.getByLabel('Card').selectOption('H100');
        await page.locator('.chosen').getByText('on H100').waitFor();
        expect(await page.getByRole('slider').getAttribute('aria-valuetext')).toBe('80 GiB');
        await page.getByLabel('Card').selectOption('This machine, as it is now');
        await page.getByRole('slider').waitFor({ state: 'detached' });
        await page.locator('.chosen').getByText('on H100').waitFor({ state: 'detached' });
        expect(await chosen(page)).toContain('Q6_K on ');
      }));

    it('looks what a source has and what of it would fit, and downloads nothing', () =>
      on(async (page) => {
        await look(page, SOURCE);
        const offer = page.getByRole('region', { name: `What ${SOURCE} has` }).first();
        await offer.getByRole('row', { name: /Q4_K_M GGUF 2.89 MiB/ }).waitFor();
        await offer.locator('.chosen').getByText('Q4_K_M on').waitFor();
        await offer.getByLabel('Card').selectOption('Tesla V100');
        await offer.locator('.chosen').getByText('on Tesla V100').waitFor();
        await offer.getByText('stay free as margin').waitFor();
        const asked = hub.requests.length;
        await offer.getByRole('slider').press('Home');
        await offer.locator('.chosen').getByText('Nothing fits.').waitFor();
        // Whoever moves a slider does not ask the source each time.
        expect(hub.requests.length).toBe(asked);
        expect(ofHub(await variantIds(gateway))).toEqual([]);
        for (const theme of ['light', 'dark'] as const) {
          await setTheme(page, theme);
          expect(await grave(page)).toEqual([]);
        }
        expect(await widthOnPhone(page)).toBe(PHONE_WIDTH);
      }));

    it('says what is wrong with a source', () =>
      on(async (page) => {
        await look(page, 'owner/repo');
        const problem = page.locator('.problem');
        await problem.getByText('INVALID_INPUT').waitFor();
        expect(await problem.textContent()).toContain('hf:owner/repo[:QUANT]');
      }));

    it('shows how a pull comes on, goes on after a reload, and throws away what is cancelled', async () => {
      hub.faults = { pauseMs: 100 };
      await on(async (page) => {
        await page.getByLabel('Source').fill(`${SOURCE}:Q2_K`);
        await page.getByRole('button', { name: 'Pull', exact: true }).click();
        await until(page, `${SOURCE}:Q2_K`, 'DOWNLOADING');
        const progress = pullIn(page, `${SOURCE}:Q2_K`).getByRole('progressbar');
        const received = async () => Number(await progress.getAttribute('value'));
        await expect.poll(received, SOON).toBeGreaterThan(0);
        const before = await received();
        await page.reload();
        await expect.poll(received, SOON).toBeGreaterThanOrEqual(before);
        await pullIn(page, `${SOURCE}:Q2_K`)
          .getByText(/MiB of 2 MiB|KiB of 2 MiB/)
          .waitFor();
        for (const theme of ['light', 'dark'] as const) {
          await setTheme(page, theme);
          expect(await grave(page)).toEqual([]);
        }
        expect(await widthOnPhone(page)).toBe(PHONE_WIDTH);
        await page.getByRole('button', { name: `Cancel ${SOURCE}:Q2_K` }).click();
        await until(page, `${SOURCE}:Q2_K`, 'CANCELLED');
        await page.getByText('what was fetched is thrown away').waitFor();
        expect(ofHub(await variantIds(gateway))).toEqual([]);
      });
    });

    it('says why a pull failed, and goes on with it', async () => {
      await on(async (page) => {
        await look(page, `${SOURCE}:Q2_K`);
        const pullIt = page.getByRole('button', { name: `Pull ${HUB_MODEL}:Q2_K` });
        await pullIt.waitFor();
        hub.faults = { status: 503 };
        await pullIt.click();
        await until(page, `${SOURCE}:Q2_K`, 'FAILED');
        const pull = pullIn(page, `${SOURCE}:Q2_K`);
        await pull.locator('.problem code').getByText('SOURCE_UNAVAILABLE').waitFor();
        hub.faults = {};
        await page.getByRole('button', { name: `Go on with ${SOURCE}:Q2_K` }).click();
        await until(page, `${SOURCE}:Q2_K`, 'COMPLETED');
        await page.getByRole('button', { name: `Remove ${HUB_MODEL}:Q2_K` }).waitFor();
        await page
          .getByRole('row', { name: /Q2_K GGUF/ })
          .getByText('here already')
          .waitFor();
      });
    });

    it('asks before it removes, and says how much that has freed', () =>
      on(async (page) => {
        await page.getByRole('button', { name: `Remove ${HUB_MODEL}:Q2_K` }).click();
        const dialog = page.getByRole('dialog', { name: `Remove ${HUB_MODEL}:Q2_K?` });
        await dialog.getByText('2 MiB').waitFor();
        await page.keyboard.press('Escape');
        await dialog.waitFor({ state: 'detached' });
        expect(ofHub(await variantIds(gateway))).toEqual([`${HUB_MODEL}:Q2_K`]);
        await remove(page, 'Q2_K');
        await page.getByText(`${HUB_MODEL}:Q2_K is removed: 2 MiB freed.`).waitFor();
        await page.getByRole('button', { name: `Remove ${HUB_MODEL}:Q2_K` }).waitFor({ state: 'detached' });
        expect(ofHub(await variantIds(gateway))).toEqual([]);
      }));

    it('sees files that come by themselves, and removes what is in use only by force', () =>
      on(async (page) => {
        await page.getByRole('heading', { name: 'Tiny Mixtral' }).waitFor();
        const file = path.join(folder(), 'models', 'tiny.gguf');
        writeFileSync(file, hubModel('Q4_K_M'));
        await page.getByRole('button', { name: `Remove ${HUB_MODEL}:Q4_K_M` }).waitFor();
        const { data } = await gateway.query<{ startGeneration: { id: string } }>(
          'mutation ($input: GenerateInput!) { startGeneration(input: $input) { id } }',
          { input: { model: HUB_MODEL, prompt: { text: 'Hello' }, onDisconnect: 'CONTINUE', ...ENDLESS } },
        );
        const { id } = data.startGeneration;
        const stateOf = async () =>
          (
            await gateway.query<{ generation: { state: string } }>(
              'query ($id: ID!) { generation(id: $id) { state } }',
              { id },
            )
          ).data.generation.state;
        await expect.poll(stateOf, SOON).toBe('DECODING');
        const dialog = page.getByRole('dialog');
        await frozen(gateway, async () => {
          await remove(page, 'Q4_K_M');
          await dialog.locator('.problem code').getByText('IN_USE').waitFor();
          expect(await stateOf()).toBe('DECODING');
          expect(existsSync(file)).toBe(true);
          expect(await grave(page)).toEqual([]);
        });
        await dialog.getByRole('button', { name: 'Cancel, unload and remove' }).click();
        await page.getByText(`${HUB_MODEL}:Q4_K_M is removed`).waitFor();
        expect(['CANCELLED', 'COMPLETED']).toContain(await stateOf());
        expect(existsSync(file)).toBe(false);
      }));

    it('has all of it in Japanese', () =>
      on(async (page) => {
        await page.getByRole('combobox', { name: 'Language' }).selectOption('ja');
        await page.getByRole('heading', { name: 'モデルを取得' }).waitFor();
        await page.getByRole('heading', { name: '取得状況' }).waitFor();
        await page.getByText('mixgate に付属').first().waitFor();
      }));
  });

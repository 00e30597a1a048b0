import type { Page } from 'playwright-core';
import { send, untilStage } from '../../test/support/dashboard.ts';
import { DEMO, UNICORN } from '../../test/support/gateway.ts';

/** A page as it is pictured. */
export interface View {
  /** Of the file, before the theme. */
  readonly name: string;
  readonly path: string;
  /** Brings it to where it is worth a picture, and resolves when it is there. */
  readonly prepare: (page: Page) => Promise<void>;
}

/** In this order: what is asked in the playground comes into the history. */
export const VIEWS: readonly View[] = [
  { name: 'history', path: '/history', prepare: (page) => page.locator('.entries li').nth(4).waitFor() },
  { name: 'compare', path: '/history?kind=comparisons', prepare: openComparison },
  { name: 'playground', path: '/', prepare: ask },
  { name: 'devices', path: '/devices', prepare: (page) => page.getByText(/GiB free of/).waitFor() },
  { name: 'models', path: '/models', prepare: planMixtral },
  { name: 'lend', path: '/lend', prepare: untilLendable },
  { name: 'api', path: '/api', prepare: (page) => page.locator('.editor').nth(2).waitFor() },
];

async function ask(page: Page): Promise<void> {
  await page.getByLabel('Model').selectOption(DEMO);
  await page.locator('.preview').waitFor();
  await page.getByText('Sampling').click();
  await page.getByLabel('Seed').fill('8');
  await page.getByText('Sampling').click();
  await send(page, UNICORN);
  await untilStage(page);
  await page.getByText('Ran as').click();
  await page.getByText('Timings').click();
}

async function openComparison(page: Page): Promise<void> {
  await page.locator('.entries a').first().click();
  await page.locator('.lane .answer[data-stage=COMPLETED]').nth(2).waitFor();
}

/** Mixtral on a card of 16 GB. */
async function planMixtral(page: Page): Promise<void> {
  const planner = page.locator('.planner').first();
  await planner.getByLabel('Model').selectOption('Mixtral 8x7B Instruct v0.1');
  await planner.getByLabel('Card').selectOption('Tesla V100 (16 GB)');
  await page.locator('.chosen').getByText('Tesla V100').waitFor();
  await page.locator('.planner[aria-busy=false]').waitFor();
}

async function untilLendable(page: Page): Promise<void> {
  const worker = page.frameLocator('iframe');
  await worker.locator('#cpu-memory-shown').getByText('GiB').waitFor();
}

import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';
import type { TestContext } from 'vitest';
import { chromiumLaunch, thisHost } from '../../src/backends/webgpu/headless/flags.ts';

export const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Why no browser can be started here; null where one can. */
export const noBrowser: string | null = existsSync(CHROMIUM)
  ? null
  : `there is no ${CHROMIUM}; apt-get install chromium brings it`;

/** In place of tests that need one, with the reason: without Chromium there is nothing to look at. `.ci/run` installs it. */
export const skipWithoutBrowser = (test: TestContext): void => test.skip(noBrowser ?? undefined);

/** A real Chromium without a window, as `mixgate worker --headless` starts it. */
export const startBrowser = (): Promise<Browser> => chromium.launch(chromiumLaunch(CHROMIUM, thisHost()));

export const WORKER_KEY = 'a-worker-key-for-tests';
export const workerPage = (origin: string): string => `${origin}/worker/#key=${WORKER_KEY}`;

/** Kills the process that talks to the GPU, as a driver's fault does. */
export async function killGpuProcess(browser: Browser): Promise<void> {
  const [gpu] = await processes(browser, 'GPU');
  if (gpu === undefined) throw new Error('This browser has no GPU process.');
  process.kill(gpu, 'SIGKILL');
}

/** Ids of a browser's processes: `GPU`, `renderer`, … */
export async function processes(browser: Browser, type: string): Promise<number[]> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  return processInfo.flatMap((each) => (each.type === type ? each.id : []));
}

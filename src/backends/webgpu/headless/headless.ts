import type { Log } from '../../../log.ts';
import { PATIENCE, startChromium } from './chromium.ts';
import { findChromium } from './find-chromium.ts';
import { chromiumLaunch, thisHost } from './flags.ts';
import { BACKOFF, pause, Supervisor } from './supervisor.ts';

export interface LendingPage {
  /** Any address of the gateway. */
  readonly gateway: string;
  readonly key: string;
  /** What people see; null leaves it to the page, as the memory. */
  readonly name: string | null;
  readonly memoryGib: number | null;
}

/** The address of the page that lends, with all that it needs to start by itself. */
export function lendingUrl({ gateway, key, name, memoryGib }: LendingPage): string {
  const url = new URL('/worker/', gateway);
  // Where a gateway listens on every address, it is reached on this machine's own.
  if (url.hostname === '0.0.0.0') url.hostname = '127.0.0.1';
  if (url.hostname === '[::]') url.hostname = '[::1]';
  const parts = Object.entries({ key, name, memory: memoryGib }).filter(([, value]) => value !== null);
  url.hash = parts.map(([part, value]) => `${part}=${encodeURIComponent(String(value))}`).join('&');
  return url.href;
}

export interface HeadlessOptions {
  readonly page: LendingPage;
  /** As of `findChromium`. */
  readonly chromium: string | null;
  readonly log: Log;
}

/**
 * A Chromium without a window that lends itself to a gateway, kept up until it is stopped.
 * @throws BACKEND_UNAVAILABLE where there is no Chromium
 */
export function startHeadless({ page, chromium, log }: HeadlessOptions): Supervisor {
  const url = lendingUrl(page);
  const launch = chromiumLaunch(findChromium(chromium), thisHost(), new URL(url).origin);
  const onStatus = (text: string) => log.info('headless.status', { text });
  return new Supervisor({
    start: (signal) => startChromium({ launch, url, onStatus, patience: PATIENCE }, signal),
    log,
    now: Date.now,
    pause,
    backoff: BACKOFF,
  });
}

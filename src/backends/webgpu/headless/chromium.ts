import path from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { messageOf, MixgateError } from '../../../errors.ts';
import type { ChromiumLaunch } from './flags.ts';
import { freshProfile, removeProfile } from './profile.ts';
import { pause, type Lender } from './supervisor.ts';

export interface ChromiumOptions {
  readonly launch: ChromiumLaunch;
  /** The page that lends, with the key in its hash. */
  readonly url: string;
  /** What the page tells the person, each time it changes. */
  readonly onStatus: (text: string) => void;
  readonly patience: Patience;
}

/** All milliseconds. */
export interface Patience {
  /** Chromium comes up, and the page is loaded. */
  readonly startMs: number;
  /** Between two looks at the page. */
  readonly checkMs: number;
  /** The page answers. Its main thread computes nothing, so that it always can. */
  readonly answerMs: number;
  /** The page says goodbye and Chromium ends by itself; then it is killed. */
  readonly closeMs: number;
}

export const PATIENCE: Patience = { startMs: 60_000, checkMs: 2000, answerMs: 30_000, closeMs: 5000 };

/** As text: the page's types are not those of this side. */
const LOOK = `({
  isLost: document.documentElement.dataset.gpu === 'lost',
  status: document.getElementById('status')?.textContent ?? '',
})`;
interface Look {
  readonly isLost: boolean;
  readonly status: string;
}

/**
 * Starts Chromium without a window, with a fresh profile, on the page that lends.
 * It ends with this process, even one that is killed: it is driven over a pipe, and exits when that closes.
 * @throws BACKEND_UNAVAILABLE where Chromium or the page does not come up; then nothing is left running
 */
export async function startChromium(options: ChromiumOptions, signal: AbortSignal): Promise<Lender> {
  const { launch, url, patience } = options;
  const profile = await freshProfile();
  let context: BrowserContext;
  try {
    // Seven megabytes, which no other command needs.
    const { chromium } = await import('playwright-core');
    context = await chromium.launchPersistentContext(profile, {
      ...launch,
      artifactsDir: path.join(profile, 'artifacts'),
      timeout: patience.startMs,
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
    });
  } catch (error) {
    await removeProfile(profile);
    throw unavailable(error);
  }
  const lender = new ChromiumLender(context, profile, patience);
  const cancel = () => void lender.close();
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  try {
    await lender.open(url);
  } catch (error) {
    await lender.close();
    throw unavailable(error);
  } finally {
    signal.removeEventListener('abort', cancel);
  }
  void lender.watch(options.onStatus);
  return lender;
}

class ChromiumLender implements Lender {
  pid: number | null = null;
  readonly ended: Promise<string>;
  readonly #context: BrowserContext;
  readonly #page: Page;
  readonly #profile: string;
  readonly #patience: Patience;
  readonly #over = new AbortController();
  #end: (reason: string) => void = () => undefined;
  #closed: Promise<void> | null = null;

  constructor(context: BrowserContext, profile: string, patience: Patience) {
    this.#context = context;
    this.#page = context.pages()[0]!;
    this.#profile = profile;
    this.#patience = patience;
    this.ended = new Promise((resolve) => {
      this.#end = (reason) => {
        this.#over.abort();
        resolve(reason);
      };
    });
    // Chromium that exits takes its page along, which is told of first.
    context.on('close', () => this.#end('Chromium exited'));
    this.#page.on('crash', () => this.#end('the page crashed'));
  }

  async open(url: string): Promise<void> {
    const session = await this.#context.browser()?.newBrowserCDPSession();
    const { processInfo } = (await session?.send('SystemInfo.getProcessInfo')) ?? { processInfo: [] };
    this.pid = processInfo.find(({ type }) => type === 'browser')?.id ?? null;
    const response = await this.#page.goto(url, { timeout: this.#patience.startMs });
    if (response?.ok() !== true)
      throw new Error(`The gateway answers ${response?.status() ?? 'nothing'} where its page should be`);
  }

  /** Looks at the page until it is of no use. */
  async watch(onStatus: (text: string) => void): Promise<void> {
    const { checkMs, answerMs } = this.#patience;
    const { signal } = this.#over;
    let status = '';
    while (!signal.aborted) {
      // A page that is just going cannot be looked at; its going is told of by itself.
      const look = await within(
        answerMs,
        this.#page.evaluate<Look>(LOOK).catch(() => null),
      );
      if (look === undefined) return this.#end(`the page did not answer within ${answerMs} ms`);
      if (this.#page.isClosed()) return this.#end('the page was closed');
      if (look?.isLost === true) return this.#end('the page lost its GPU');
      if (look !== null && look.status !== status) onStatus((status = look.status));
      await pause(checkMs, signal);
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { closeMs } = this.#patience;
    this.#end('closed');
    // First the page alone, so that its goodbye is on its way before Chromium is.
    const ending = this.#page
      .close()
      .catch(() => undefined)
      .then(() => this.#context.close())
      .then(() => true)
      .catch(() => true);
    const isHung = (await within(closeMs, ending)) === undefined;
    // Where its main process was killed, the others may go on for a moment, and write into the profile.
    this.#kill(isHung);
    if (isHung) await within(closeMs, ending);
    await removeProfile(this.#profile);
  }

  /** Playwright makes it the leader of a group of its own, but for Windows. */
  #kill(isRunning: boolean): void {
    const isGroup = process.platform !== 'win32';
    if (this.pid === null || (!isRunning && !isGroup)) return;
    try {
      process.kill(isGroup ? -this.pid : this.pid, 'SIGKILL');
    } catch {
      return; // It is gone.
    }
  }
}

/** Undefined when it takes longer. */
function within<Result>(ms: number, promise: Promise<Result>): Promise<Result | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Playwright's messages go on for pages, and name the address with the key in it. */
const unavailable = (error: unknown): MixgateError => {
  const lines = messageOf(error)
    .split('\n')
    .map((line) => line.replace(/#key=\S*/g, '').trim());
  const said = lines.find((line) => /\bERROR\b|error while loading|FATAL/.test(line));
  return new MixgateError(
    'BACKEND_UNAVAILABLE',
    `Chromium did not come up: ${lines[0]}${said === undefined ? '' : ` (${said})`}`,
  );
};

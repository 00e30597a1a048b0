import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Browser, Frame, Page, WebSocketRoute } from 'playwright-core';
import { expect } from 'vitest';

/** A page of the dashboard, with what went wrong in it: errors of scripts, and what the content policy refused. */
export async function openDashboard(
  browser: Browser,
  origin: string,
  path = '/',
  /** Is in the way of what the page asks before it asks anything. */
  events: HeldEvents | null = null,
) {
  const page = await browser.newPage({ locale: 'en-US' });
  const problems: string[] = [];
  watchProblems(page, problems);
  await events?.watch(page);
  await page.goto(`${origin}${path}`);
  return { page, problems };
}

/** Adds what goes wrong in a page from now on to `problems`. */
export function watchProblems(page: Page, problems: string[]): void {
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) problems.push(message.text());
  });
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds that would stand in somebody's way. */
export async function grave(frame: Page | Frame): Promise<string[]> {
  // As an expression: the content policy lets no script in, and has nothing to say of what a debugger asks.
  await frame.evaluate(`${axe}; undefined`);
  const { violations } = await frame.evaluate<AxeResults>('axe.run()');
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`);
}

/** Greedy, so that the same prompt has the same answer. */
export async function setGreedy(page: Page): Promise<void> {
  await page.getByText('Sampling').click();
  await page.getByLabel('Temperature').fill('0');
}

export async function send(page: Page, prompt: string): Promise<void> {
  await page.getByLabel('Prompt', { exact: true }).fill(prompt);
  await page.getByRole('button', { name: 'Send' }).click();
}

/** Of the newest prompt. */
export const answer = (page: Page) => page.locator('.answer').last();
export const untilStage = (page: Page, stage = 'COMPLETED'): Promise<void> =>
  page
    .locator(`.conversation > li:last-child .answer[data-stage=${stage}]`)
    .waitFor({ state: 'attached', timeout: 15_000 });

/**
 * Between the page and the gateway: lets so many token events through and holds back what comes after, as a slow
 * network does, so that a test can be in the middle of an answer for as long as it likes.
 */
export class HeldEvents {
  /** `after` of each subscription that the page has asked for. */
  readonly askedAfter: number[] = [];
  /** The page has asked for the first time. */
  readonly untilFollowed: Promise<void>;
  #onFollowed = (): void => undefined;
  /** Of the last `hold`: something is held back. */
  untilHeld: Promise<void> = Promise.resolve();
  #onHeld = (): void => undefined;
  #connection = 0;
  #left = Infinity;
  #held: { readonly route: WebSocketRoute; readonly message: string | Buffer }[] = [];

  constructor() {
    this.untilFollowed = new Promise((resolve) => (this.#onFollowed = resolve));
  }

  async watch(page: Page): Promise<void> {
    await page.routeWebSocket(/\/graphql$/, (route) => {
      const server = route.connectToServer();
      const connection = this.#connection;
      route.onMessage((message) => {
        const { type, payload } = JSON.parse(message.toString()) as Message;
        server.send(message);
        if (type !== 'subscribe' || payload?.variables?.after === undefined) return;
        this.askedAfter.push(payload.variables.after);
        this.#onFollowed();
      });
      server.onMessage((message) => {
        if (connection !== this.#connection) return;
        const isToken = message.toString().includes('"TokenChunk"');
        // In order: what comes after a held one waits too.
        if (this.#held.length > 0 || (isToken && this.#left === 0)) {
          this.#held.push({ route, message });
          this.#onHeld();
        } else {
          if (isToken) this.#left -= 1;
          route.send(message);
        }
      });
    });
  }

  hold(afterTokens: number): void {
    this.#left = afterTokens;
    this.untilHeld = new Promise((resolve) => (this.#onHeld = resolve));
  }

  release(): void {
    this.#left = Infinity;
    for (const { route, message } of this.#held) route.send(message);
    this.#held = [];
  }

  /** What was held never arrives, nor what comes over the same connection. */
  lose(): void {
    this.#connection += 1;
    this.#left = Infinity;
    this.#held = [];
  }
}

interface Message {
  readonly type: string;
  readonly payload?: { readonly variables?: { readonly after?: number } };
}

/** On a page of its own, which must not have gone wrong. */
export async function onPage(
  { browser, origin }: { readonly browser: Browser; readonly origin: string },
  path: string,
  work: (page: Page) => Promise<void>,
): Promise<void> {
  const { page, problems } = await openDashboard(browser, origin, path);
  await work(page);
  await page.close();
  expect(problems).toEqual([]);
}

export const setTheme = async (page: Page, theme: 'light' | 'dark'): Promise<void> => {
  await page.getByRole('combobox', { name: 'Theme' }).selectOption(theme);
};

/** Does it scroll sideways where a phone shows it? Then it is wider than this. */
export const PHONE_WIDTH = 360;
export async function widthOnPhone(page: Page): Promise<number> {
  await page.setViewportSize({ width: PHONE_WIDTH, height: 740 });
  return page.evaluate(() => document.documentElement.scrollWidth);
}

import { readFileSync, writeFileSync } from 'node:fs';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Role } from '../../src/access/caller.ts';
import { addKey, keyFileOf, revokeKey } from '../../src/access/key-file.ts';
import { noBrowser, startBrowser, skipWithoutBrowser } from '../support/browser.ts';
import {
  answer,
  grave,
  HeldEvents,
  PHONE_WIDTH,
  send,
  setGreedy,
  setTheme,
  untilStage,
  watchProblems,
  widthOnPhone,
} from '../support/dashboard.ts';
import { ask } from '../support/asking.ts';
import { crawlUntil, frozen } from '../support/engines.ts';
import { startGateway, UNICORN, type TestGateway } from '../support/gateway.ts';
import { lastingFolder } from '../support/temporary-folder.ts';

const folder = lastingFolder();
const file = () => keyFileOf(folder());

if (noBrowser !== null) describe('signing in', () => it(`needs a browser: ${noBrowser}`, skipWithoutBrowser));
else
  describe('signing in', () => {
    let gateway: TestGateway;
    let browser: Browser;
    let context: BrowserContext;
    let origin: string;
    const keys = {} as Record<Role, string>;
    let expired: string;
    let revoked: string;
    const problems: string[] = [];

    const keyOf = async (name: string, role: Role, expiresAt: Date | null = null): Promise<string> =>
      (await addKey(file(), { name, role, expiresAt }, Date.now())).text;

    beforeAll(async () => {
      for (const role of ['VIEWER', 'USER', 'ADMIN', 'WORKER'] as const)
        keys[role] = await keyOf(`${role.toLowerCase()} key`, role);
      expired = await keyOf('expired', 'USER', new Date(Date.now() - 1000));
      revoked = await keyOf('revoked', 'USER');
      await revokeKey(file(), 'revoked', Date.now());
      [gateway, browser] = await Promise.all([startGateway(['--data-dir', folder()]), startBrowser()]);
      ({ origin } = new URL(gateway.url));
    });
    afterAll(async () => {
      await browser.close();
      await gateway.stop();
    });
    beforeEach(async () => {
      context = await browser.newContext({ locale: 'en-US' });
    });
    afterEach(async () => {
      await context.close();
      expect(problems.splice(0)).toEqual([]);
    });

    async function open(path: string, events: HeldEvents | null = null): Promise<Page> {
      const page = await context.newPage();
      watchProblems(page, problems);
      await events?.watch(page);
      await page.goto(`${origin}${path}`);
      return page;
    }
    const field = (page: Page) => page.getByLabel('API key or token');
    const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name });
    async function signIn(page: Page, key: string, isLasting = false): Promise<void> {
      await field(page).fill(key);
      if (isLasting) await page.getByLabel('Keep it on this browser').check();
      await field(page).press('Enter');
    }
    async function openAs(role: Role, path: string): Promise<Page> {
      const page = await open(path);
      await signIn(page, keys[role]);
      await field(page).waitFor({ state: 'detached' });
      return page;
    }

    it('comes first, by the keyboard alone, and then the page that one wanted', async () => {
      const page = await open('/models');
      await heading(page, 'Sign in').waitFor();
      expect(await page.getByRole('navigation').getByRole('link').count()).toBe(0);
      const addresses: string[] = [];
      page.on('request', (request) => addresses.push(request.url()));
      page.on('websocket', (socket) => addresses.push(socket.url()));
      await page.keyboard.type(`Bearer ${keys.ADMIN}`);
      await page.keyboard.press('Enter');
      await heading(page, 'Models').waitFor();
      await page.locator('.chosen').waitFor();
      expect(addresses.length).toBeGreaterThan(0);
      expect(addresses.filter((address) => address.includes('mgk_'))).toEqual([]);
      expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
      await page.reload();
      await page.locator('.chosen').waitFor();
      // Of this tab alone.
      await heading(await open('/models'), 'Sign in').waitFor();
    });

    it('says why a key does not count', async () => {
      const page = await open('/');
      const said = page.getByRole('alert');
      const wrong = [
        [keys.ADMIN.slice(0, -1), 'UNKNOWN'],
        [expired, 'EXPIRED'],
        [revoked, 'REVOKED'],
        ['鍵', 'SCHEME'],
      ] as const;
      for (const [key, reason] of wrong) {
        await signIn(page, key);
        await said.getByText(reason, { exact: true }).waitFor();
        await expect.poll(() => field(page).evaluate((input) => input === document.activeElement)).toBe(true);
      }
      expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
      await signIn(page, keys.USER);
      await heading(page, 'Playground').waitFor();
    });

    it.each(['light', 'dark'] as const)(
      'stands in nobody’s way, nor does the menu, in the %s theme',
      async (theme) => {
        const page = await open('/');
        await setTheme(page, theme);
        await signIn(page, 'wrong');
        await page.getByText('UNKNOWN', { exact: true }).waitFor();
        expect(await grave(page)).toEqual([]);
        expect(await widthOnPhone(page)).toBe(PHONE_WIDTH);
        await page.getByRole('combobox', { name: 'Language' }).selectOption('ja');
        await heading(page, 'サインイン').waitFor();
        expect(await widthOnPhone(page)).toBe(PHONE_WIDTH);
        await page.getByRole('combobox', { name: '言語' }).selectOption('en');
        await signIn(page, keys.VIEWER);
        await page.getByRole('button', { name: 'viewer key' }).press('Enter');
        await page.getByRole('button', { name: 'Sign out' }).waitFor();
        expect(await grave(page)).toEqual([]);
        expect(await widthOnPhone(page)).toBe(PHONE_WIDTH);
        await page.keyboard.press('Escape');
        await page.getByRole('button', { name: 'Sign out' }).waitFor({ state: 'hidden' });
      },
    );

    describe('shows what a role is for', () => {
      const links = (page: Page) =>
        page.getByRole('navigation', { name: 'Pages' }).getByRole('link').allTextContents();

      it('to a viewer', async () => {
        const page = await openAs('VIEWER', '/');
        await page
          .getByText('To ask and to compare: this needs the role user, and yours is viewer.')
          .waitFor();
        expect(await links(page)).toEqual(['Playground', 'Devices', 'Models', 'Lend this browser', 'API']);
        await page.getByLabel('Prompt', { exact: true }).fill(UNICORN);
        expect(await page.getByRole('button', { name: 'Send' }).isDisabled()).toBe(true);
        await page.goto(`${origin}/history`);
        await page.getByText('History: this needs the role user, and yours is viewer.').waitFor();
        await page.goto(`${origin}/models`);
        await page.locator('.chosen').waitFor();
        expect(await page.getByRole('heading', { name: 'Get a model' }).count()).toBe(0);
        expect(await page.locator('.problem').count()).toBe(0);
      });

      it('to a user', async () => {
        const page = await openAs('USER', '/');
        await setGreedy(page);
        await page.getByLabel('At most, tokens').fill('2');
        await send(page, UNICORN);
        await untilStage(page);
        await page.getByRole('link', { name: 'Devices' }).click();
        await page.getByText('To load, pin and unload models: this needs the role admin').waitFor();
        await page.getByRole('columnheader', { name: 'Busy slots' }).waitFor();
        expect(await page.getByRole('button', { name: /^(Load|Pin|Unload)/ }).count()).toBe(0);
        await page.getByRole('link', { name: 'Models' }).click();
        await page.getByLabel('Source').fill('hf:owner/repo');
        expect(await page.getByRole('button', { name: 'Pull', exact: true }).isDisabled()).toBe(true);
        expect(await page.getByRole('button', { name: 'Look what it has' }).isEnabled()).toBe(true);
        await page.getByRole('link', { name: 'History' }).click();
        await page.locator('.entries li').first().waitFor();
        await page.getByText('Delete what is old: this needs the role admin').waitFor();
      });

      it('to a worker, who lends without typing the key again', async () => {
        const page = await openAs('WORKER', '/');
        await page.getByText('Playground: this needs the role viewer, and yours is worker.').waitFor();
        await page.getByRole('link', { name: 'Lend this browser' }).click();
        expect(await links(page)).toEqual(['Lend this browser']);
        const worker = page.frameLocator('iframe');
        await worker.getByText('You are signed in: no key is needed.').waitFor();
        expect(await worker.getByLabel('Worker key').isHidden()).toBe(true);
        await worker.getByRole('button', { name: 'Lend' }).click();
        await page.getByText('This browser is lent').waitFor();
        expect(page.frames().filter((frame) => frame.url().includes('mgk_'))).toEqual([]);
        expect(await page.evaluate(() => Object.values({ ...localStorage }).join())).not.toContain('mgk_');
      });
    });

    it('goes on in mid-answer where a key has ended to count, without losing or doubling a character', async () => {
      const events = new HeldEvents();
      await context.clock.install();
      const page = await open('/', events);
      await signIn(page, keys.USER);
      await setGreedy(page);
      await send(page, UNICORN);
      await untilStage(page);
      const whole = (await answer(page).textContent())!;
      await page.getByRole('button', { name: 'New conversation' }).click();

      events.hold(3);
      await frozen(gateway, async () => {
        await send(page, UNICORN);
        await crawlUntil(gateway, events.untilHeld);
      });
      await untilStage(page, 'WRITING');
      const before = readFileSync(file());
      await revokeKey(file(), 'user key', Date.now());
      const again = page.getByRole('region', { name: 'Sign in' });
      await again.getByText('REVOKED', { exact: true }).waitFor();
      await page.getByText('It stopped here, because you are not signed in any more.').waitFor();
      const half = (await answer(page).textContent())!;
      expect(whole.startsWith(half)).toBe(true);
      expect(half.length).toBeLessThan(whole.length);
      expect(await grave(page)).toEqual([]);
      events.lose();

      // Nothing is asked until somebody signs in.
      const asked: string[] = [];
      page.on('request', (request) => asked.push(request.url()));
      page.on('websocket', (socket) => asked.push(socket.url()));
      for (let retries = 0; retries < 5; retries += 1) {
        await context.clock.fastForward(10_000);
        await page.evaluate(() => new Promise(requestAnimationFrame));
      }
      expect(asked).toEqual([]);

      // As when a key was revoked by mistake.
      writeFileSync(file(), before);
      const status = async () => (await ask(gateway.url, '{ viewer { role } }', keys.USER)).status;
      await expect.poll(status, { timeout: 5000 }).toBe(200);
      await signIn(page, keys.USER);
      await again.waitFor({ state: 'detached' });
      await untilStage(page);
      expect(await answer(page).textContent()).toBe(whole);
      expect(events.askedAfter.at(-1)).toBeGreaterThan(0);
    });

    it('is over in every tab at once, and nothing stays', async () => {
      const first = await open('/');
      await signIn(first, keys.USER, true);
      await first.getByLabel('System prompt').fill('You are a llama.');
      const second = await open('/devices');
      await heading(second, 'Devices').waitFor();
      await second.locator('.card').first().waitFor();
      await first.getByRole('button', { name: 'user key' }).click();
      await first.getByRole('button', { name: 'Sign out' }).click();
      await Promise.all([first, second].map((page) => heading(page, 'Sign in').waitFor()));
      for (const page of [first, second])
        expect(
          await page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }])),
        ).not.toMatch(/mgk_|llama/);
      // One that signs in for the browser, signs in for all.
      await signIn(first, keys.ADMIN, true);
      await heading(second, 'Devices').waitFor();
    });
  });

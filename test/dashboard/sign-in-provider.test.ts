import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noBrowser, startBrowser, skipWithoutBrowser } from '../support/browser.ts';
import { grave, send, setGreedy, untilStage, watchProblems } from '../support/dashboard.ts';
import { startGateway, UNICORN, type TestGateway } from '../support/gateway.ts';
import { startIdentityProvider } from '../support/identity-provider.ts';

const AUDIENCE = 'https://mixgate.example.com';
const CLIENT = 'mixgate-user';

if (noBrowser !== null)
  describe('signing in at an identity provider', () =>
    it(`needs a browser: ${noBrowser}`, skipWithoutBrowser));
else
  describe('signing in at an identity provider', () => {
    let provider: Awaited<ReturnType<typeof startIdentityProvider>>;
    let gateway: TestGateway;
    let browser: Browser;
    let origin: string;
    const problems: string[] = [];

    beforeAll(async () => {
      const client = { id: CLIENT, path: '/signed-in' };
      [provider, browser] = await Promise.all([startIdentityProvider(AUDIENCE, [], client), startBrowser()]);
      gateway = await startGateway([
        ...['--oidc-issuer', provider.issuer, '--oidc-audience', AUDIENCE, '--oidc-client-id', CLIENT],
        ...['--oidc-roles-claim', 'realm_access.roles'],
      ]);
      ({ origin } = new URL(gateway.url));
    });
    afterAll(async () => {
      await browser.close();
      await gateway.stop();
      provider.stop();
    });

    const atProvider = (page: Page) => page.getByRole('button', { name: /^Sign in at 127/ });
    const tokenOf = (page: Page) => page.evaluate(() => sessionStorage.getItem('mixgate.credential'));

    it('comes back to the page that one wanted, and has a newer token in time', async () => {
      const context = await browser.newContext({ locale: 'en-US' });
      await context.clock.install();
      const page = await context.newPage();
      watchProblems(page, problems);
      await page.goto(`${origin}/history?kind=comparisons`);
      await atProvider(page).waitFor();
      expect(await grave(page)).toEqual([]);
      const policy = (await fetch(origin)).headers.get('content-security-policy')!;
      expect(policy).toContain(`; connect-src 'self' ${provider.issuer};`);
      await atProvider(page).click();
      await page.getByRole('heading', { level: 1, name: 'History' }).waitFor();
      expect(page.url()).toBe(`${origin}/history?kind=comparisons`);
      await page.getByRole('link', { name: 'Playground' }).click();
      await setGreedy(page);
      await page.getByLabel('At most, tokens').fill('2');
      await send(page, UNICORN);
      await untilStage(page);

      // Also where the page was loaded again meanwhile.
      await page.reload();
      await page.getByRole('button', { name: 'ada' }).waitFor();
      const first = await tokenOf(page);
      await page.waitForFunction(() =>
        Object.keys(sessionStorage).some((key) => key.startsWith('oidc.user:')),
      );
      await context.clock.fastForward('09:30');
      await expect.poll(() => tokenOf(page), { timeout: 5000 }).not.toBe(first);
      await page.getByRole('link', { name: 'Devices' }).click();
      await page.locator('.card').first().waitFor();

      await page.getByRole('button', { name: 'ada' }).click();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await atProvider(page).waitFor();
      expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
      await context.close();
      expect(problems).toEqual([]);
    });

    it('says what the provider refused, and asks again', async () => {
      const page = await browser.newPage({ locale: 'en-US' });
      await page.goto(`${origin}/signed-in?error=access_denied&state=of-nobody`);
      await page.getByRole('alert').getByText('SIGN_IN_FAILED').waitFor();
      await atProvider(page).waitFor();
      expect(new URL(page.url()).pathname).toBe('/');
      expect(page.url()).not.toContain('access_denied');
      await page.close();
    });
  });

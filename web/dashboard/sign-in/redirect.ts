import type { Account } from './account.ts';
import type { IdentityProvider } from './viewer.ts';

/** Where the identity provider sends people back to. */
export const CALLBACK = '/signed-in';

/** What the provider refused, in its own words. */
const failure = (error: unknown) => ({
  code: 'SIGN_IN_FAILED',
  message: error instanceof Error ? error.message : String(error),
});

/** Signs in whoever comes back from the identity provider, and has newer tokens in time. */
export async function startAccount(account: Account): Promise<void> {
  await account.check();
  if (location.pathname === CALLBACK) await comeBack(account);
  const { identityProvider } = account.read();
  // Of a token that has ended, there may be a newer one, too.
  if (identityProvider === null || account.credential === null || account.isKey) return;
  const provider = await import('./provider.ts');
  await provider.keepRenewing(identityProvider, account);
}

async function comeBack(account: Account): Promise<void> {
  const { status, identityProvider } = account.read();
  let wanted = '/';
  if (status === 'out' && identityProvider !== null)
    try {
      const provider = await import('./provider.ts');
      const { token, address } = await provider.comeBack(identityProvider);
      wanted = address;
      const problem = await account.signIn(token, false);
      if (problem !== null) account.fail(problem);
    } catch (error) {
      account.fail(failure(error));
    }
  history.replaceState(null, '', wanted);
}

/** To the identity provider, and back to where one is. */
export async function leaveToSignIn(account: Account, identityProvider: IdentityProvider): Promise<void> {
  const { pathname, search } = location;
  try {
    const provider = await import('./provider.ts');
    await provider.leaveFor(identityProvider, `${pathname}${search}`);
  } catch (error) {
    account.fail(failure(error));
  }
}

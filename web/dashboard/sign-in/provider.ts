import { UserManager, WebStorageStateStore } from 'oidc-client-ts';
import type { Account } from './account.ts';
import { CALLBACK } from './redirect.ts';
import type { IdentityProvider } from './viewer.ts';

/** Of this tab alone, as what it asks for there. */
function managerOf({ issuer, clientId, audience }: IdentityProvider): UserManager {
  const store = new WebStorageStateStore({ store: sessionStorage });
  return new UserManager({
    ...{ authority: issuer, client_id: clientId, redirect_uri: `${location.origin}${CALLBACK}` },
    ...{ scope: 'openid profile', stateStore: store, userStore: store },
    // Some providers ask for the one, some for the other, and some for neither.
    extraQueryParams: { audience },
    ...(URL.canParse(audience) && { resource: audience }),
    // By `keepRenewing`: without a refresh token it would try with a frame, which our content policy refuses.
    automaticSilentRenew: false,
  });
}

/** Leaves the page for the provider's; `address` is where to come back to in the end. */
export async function leaveFor(provider: IdentityProvider, address: string): Promise<void> {
  await managerOf(provider).signinRedirect({ state: address });
}

/** What the provider has sent along with whoever comes back from it. @throws where it has refused, or was not asked */
export async function comeBack(
  provider: IdentityProvider,
): Promise<{ readonly token: string; readonly address: string }> {
  const { access_token: token, state } = await managerOf(provider).signinRedirectCallback();
  return { token, address: typeof state === 'string' ? state : '/' };
}

/** Has a newer token a minute before the old one ends, where the provider gives what it takes. */
export async function keepRenewing(provider: IdentityProvider, account: Account): Promise<void> {
  const manager = managerOf(provider);
  /** The provider's newest one; somebody may be signed in by something else meanwhile. */
  let newest: string | null = null;
  manager.events.addUserLoaded(({ access_token: token }) => {
    if (newest !== null && newest === account.credential) account.renew(token);
    newest = token;
  });
  manager.events.addAccessTokenExpiring(() => void renew(manager));
  // A computer that slept is late.
  manager.events.addAccessTokenExpired(() => void renew(manager));
  await manager.getUser(true);
}

async function renew(manager: UserManager): Promise<void> {
  const user = await manager.getUser();
  if (user?.refresh_token === undefined) return;
  try {
    await manager.signinSilent();
  } catch {
    // The token ends; what the gateway then says is shown, and whoever is there can sign in again.
  }
}

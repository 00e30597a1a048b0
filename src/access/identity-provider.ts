/** Where people sign in by themselves, in their browsers: by the code flow of a public client, with PKCE. */
export interface IdentityProvider {
  readonly issuer: string;
  readonly clientId: string;
  /** Of the tokens to ask for. */
  readonly audience: string;
}

interface Chosen {
  readonly oidcIssuer: string | null;
  readonly oidcAudience: string | null;
  readonly oidcClientId: string | null;
}

/** Null where people bring a key or a token instead. */
export function identityProviderOf({
  oidcIssuer: issuer,
  oidcAudience: audience,
  oidcClientId: clientId,
}: Chosen): IdentityProvider | null {
  return issuer === null || audience === null || clientId === null ? null : { issuer, audience, clientId };
}

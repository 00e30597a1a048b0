import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

/**
 * A certified OpenID Connect provider on a real port; each of its clients has the roles that its id names. By
 * `publicClient`, people sign in without being asked anything, and come back to a page of whatever local port.
 */
export async function startIdentityProvider(
  audience: string,
  clients: readonly string[],
  publicClient: { readonly id: string; readonly path: string } | null = null,
) {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const provider = new Provider(issuer, {
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig' }] },
    cookies: { keys: ['not used'] },
    clients: [
      ...clients.map((name) => ({
        ...{ client_id: name, client_secret: `secret of ${name}`, grant_types: ['client_credentials'] },
        ...{
          redirect_uris: [],
          response_types: [],
          token_endpoint_auth_method: 'client_secret_post' as const,
        },
      })),
      ...(publicClient === null ? [] : [publicClientOf(publicClient)]),
    ],
    clientBasedCORS: () => true,
    findAccount: (_context, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    issueRefreshToken: () => Promise.resolve(true),
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_context, resource) => ({
          ...{ scope: '', audience: resource, accessTokenFormat: 'jwt', accessTokenTTL: 600 },
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    extraTokenClaims: (_context, token) => ({ realm_access: { roles: [String(token.clientId)] } }),
  });
  const answer = provider.callback();
  server.on('request', (request, response) => {
    if (request.url?.startsWith('/interaction/') === true)
      void agree(provider, audience, { request, response });
    else void answer(request, response);
  });
  return {
    issuer,
    /** An access token of a client; for `audience` unless told otherwise. */
    async tokenOf(client: string, resource = audience): Promise<string> {
      const response = await fetch(`${issuer}/token`, {
        method: 'POST',
        body: new URLSearchParams({
          ...{ grant_type: 'client_credentials', resource },
          ...{ client_id: client, client_secret: `secret of ${client}` },
        }),
      });
      return ((await response.json()) as { access_token: string }).access_token;
    },
    stop(): void {
      server.closeAllConnections();
      server.close();
    },
  };
}

const publicClientOf = ({ id, path }: { readonly id: string; readonly path: string }) => ({
  ...{ client_id: id, token_endpoint_auth_method: 'none' as const, application_type: 'native' as const },
  ...{ grant_types: ['authorization_code', 'refresh_token'], response_types: ['code' as const] },
  redirect_uris: [`http://127.0.0.1${path}`],
});

/** Somebody who signs in at once, and lets the client have what it asks for. */
async function agree(
  provider: Provider,
  audience: string,
  { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
): Promise<void> {
  const { prompt, params } = await provider.interactionDetails(request, response);
  if (prompt.name === 'login')
    return provider.interactionFinished(request, response, { login: { accountId: PERSON } });
  const grant = new provider.Grant({ accountId: PERSON, clientId: String(params['client_id']) });
  grant.addOIDCScope('openid profile');
  grant.addResourceScope(audience, '');
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}

/** Who signs in. */
const PERSON = 'ada';

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

/** A certified OpenID Connect provider on a real port; each of its clients has the roles that its id names. */
export async function startIdentityProvider(audience: string, clients: readonly string[]) {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const provider = new Provider(issuer, {
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig' }] },
    cookies: { keys: ['not used'] },
    clients: clients.map((name) => ({
      ...{ client_id: name, client_secret: `secret of ${name}`, grant_types: ['client_credentials'] },
      ...{ redirect_uris: [], response_types: [], token_endpoint_auth_method: 'client_secret_post' },
    })),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, resource) => ({
          ...{ scope: '', audience: resource, accessTokenFormat: 'jwt', accessTokenTTL: 600 },
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    extraTokenClaims: (_context, token) => ({ realm_access: { roles: [String(token.clientId)] } }),
  });
  server.on('request', (request, response) => void provider.callback()(request, response));
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

import { z } from 'zod';
import { ROLES } from './access/caller.ts';

const httpUrl = z.url({ protocol: /^https?$/, error: 'must be like https://login.example.com/realms/home' });

/** Who may what: the part of the configuration that is about it. */
export const accessOptions = {
  unsafeOpen: z
    .union([z.boolean(), z.stringbool()])
    .default(false)
    .describe(
      'Listens where other machines reach it though nobody is asked who he is; without, that needs API keys (`mixgate keys create`) or an oidcIssuer.',
    ),
  oidcIssuer: httpUrl
    .nullable()
    .default(null)
    .describe('OpenID Connect provider whose tokens count, as they name it in `iss`; see docs/access.md.'),
  oidcAudience: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('What its tokens must name in `aud`; needed with oidcIssuer.'),
  oidcClientId: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe(
      'Public client by which people sign in to the dashboard, with `/signed-in` as its redirect URI; null: they paste a key or a token.',
    ),
  oidcJwksUrl: httpUrl.nullable().default(null).describe('Where its keys are; null: as its discovery says.'),
  oidcRolesClaim: z
    .string()
    .min(1)
    .default('roles')
    .describe(
      'Claim with roles, such as mixgate-user or user, or the way to it: `realm_access.roles` for Keycloak.',
    ),
  oidcDefaultRole: z
    .string()
    .transform((role) => role.toUpperCase())
    .pipe(z.enum(ROLES))
    .nullable()
    .default(null)
    .describe('Role of a token that names none: viewer, user, admin or worker; null: it is refused.'),
};

interface Chosen {
  readonly oidcIssuer: string | null;
  readonly oidcAudience: string | null;
  readonly oidcClientId: string | null;
}

/** A token of the same provider that is meant for somebody else must not count here. */
export const hasAudience = ({ oidcIssuer, oidcAudience }: Chosen): boolean =>
  oidcIssuer === null || oidcAudience !== null;

export const NO_AUDIENCE = {
  path: ['oidcAudience'],
  error: 'is needed with oidcIssuer: what the tokens for this gateway name in `aud`',
};

export const hasIssuer = ({ oidcIssuer, oidcClientId }: Chosen): boolean =>
  oidcClientId === null || oidcIssuer !== null;

export const NO_ISSUER = {
  path: ['oidcIssuer'],
  error: 'is needed with oidcClientId: the provider that the client is registered at',
};

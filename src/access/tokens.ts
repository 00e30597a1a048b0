import {
  createRemoteJWKSet,
  customFetch,
  errors,
  jwtVerify,
  type JWTPayload,
  type JWTVerifyGetKey,
} from 'jose';
import { z } from 'zod';
import { messageOf, MixgateError } from '../errors.ts';
import type { Role } from './caller.ts';

export interface TokenOptions {
  /** As tokens name it, and where its discovery document is. */
  readonly issuer: string;
  readonly audience: string;
  /** Of its keys; null: as discovery says. */
  readonly jwksUrl: string | null;
  /** A claim, or a path of names with dots between. */
  readonly rolesClaim: string;
  /** Of a token that names none; null: it may nothing. */
  readonly defaultRole: Role | null;
  /**
   * A provider that did not answer is left alone for so long, and a key that it did not have is not asked for again any
   * sooner, milliseconds.
   */
  readonly pauseMs: number;
  readonly now: () => number;
}

/** Whom a token names. */
export interface Bearer {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly expiresAt: Date;
}

/** Keys that both sides know would let whoever has the public key sign. */
const ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
/** Clocks of two machines may differ by so much. */
const TOLERANCE_S = 30;
const ANSWER_MS = 5000;
const MAX_NAME = 80;

const discoverySchema = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) });

/** Tokens of an OpenID Connect provider, which is asked for its keys when the first token comes, and kept in mind. */
export class Tokens {
  readonly #options: TokenOptions;
  #keys: Promise<JWTVerifyGetKey> | null = null;
  #awayUntil = 0;

  constructor(options: TokenOptions) {
    this.#options = options;
  }

  /** @throws UNAUTHENTICATED; FORBIDDEN where it names no role; SOURCE_UNAVAILABLE where the provider does not answer */
  async verify(token: string): Promise<Bearer> {
    const { issuer, audience, now } = this.#options;
    const keys = await this.#getKeys();
    const { payload } = await jwtVerify(token, keys, {
      ...{ issuer, audience, algorithms: ALGORITHMS, clockTolerance: TOLERANCE_S },
      ...{ requiredClaims: ['exp', 'sub'], currentDate: new Date(now()) },
    }).catch((error: unknown) => {
      throw this.#refusal(error);
    });
    const { sub = '', exp = 0 } = payload;
    const role = roleIn(payload, this.#options.rolesClaim) ?? this.#options.defaultRole;
    if (role === null)
      throw new MixgateError(
        'FORBIDDEN',
        `The token names no role of mixgate in ${this.#options.rolesClaim}: give its bearer one, such as mixgate-user, or set oidcDefaultRole.`,
        { reason: 'NO_ROLE' },
      );
    const expiresAt = new Date((exp + TOLERANCE_S) * 1000);
    return { id: `oidc:${issuer}#${sub}`, name: nameIn(payload), role, expiresAt };
  }

  #refusal(error: unknown): MixgateError {
    if (error instanceof MixgateError) return error;
    const isRefused = error instanceof errors.JOSEError && !UNANSWERED.has(error.code);
    if (!isRefused) return this.#away(error);
    const reason = error instanceof errors.JWTExpired ? 'EXPIRED' : 'TOKEN';
    return new MixgateError(
      'UNAUTHENTICATED',
      `The token is refused (${messageOf(error)}): sign in anew, with ${this.#options.audience} as audience.`,
      { reason },
    );
  }

  #away(error: unknown): MixgateError {
    return new MixgateError(
      'SOURCE_UNAVAILABLE',
      `The identity provider ${this.#options.issuer} does not give its keys (${messageOf(error)}): try again in a while. API keys work without it.`,
      { retryAfterMs: this.#options.pauseMs },
    );
  }

  async #getKeys(): Promise<JWTVerifyGetKey> {
    this.#keys ??= this.#discover();
    try {
      return await this.#keys;
    } catch (error) {
      this.#keys = null;
      throw this.#away(error);
    }
  }

  async #discover(): Promise<JWTVerifyGetKey> {
    const url = this.#options.jwksUrl ?? (await this.#jwksUrl());
    return createRemoteJWKSet(new URL(url), {
      timeoutDuration: ANSWER_MS,
      cooldownDuration: this.#options.pauseMs,
      [customFetch]: this.#fetch,
    });
  }

  async #jwksUrl(): Promise<string> {
    const { issuer } = this.#options;
    const place = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const response = await this.#fetch(place, {
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const document = discoverySchema.parse(await response.json());
    if (document.issuer === issuer) return document.jwks_uri;
    throw new Error(
      `${place} is of the issuer ${document.issuer}: oidcIssuer must be the same, to the letter`,
    );
  }

  /** One that is away is not asked for every request that comes meanwhile. */
  readonly #fetch = async (url: string, options: RequestInit): Promise<Response> => {
    if (this.#options.now() < this.#awayUntil) throw new Error('it did not answer just now');
    try {
      const response = await fetch(url, options);
      if (response.status !== 200) throw new Error(`${url} answered ${response.status}`);
      return response;
    } catch (error) {
      this.#awayUntil = this.#options.now() + this.#options.pauseMs;
      throw error;
    }
  };
}

/** Codes of jose for a provider that gives no keys. */
const UNANSWERED: ReadonlySet<string> = new Set(['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID']);

/** From least to most: of several that a token names, the last counts. */
const BY_RANK: readonly Role[] = ['WORKER', 'VIEWER', 'USER', 'ADMIN'];
const PREFIX = 'mixgate-';

/** `mixgate-admin` says more than `admin`, which may be meant for somebody else. */
function roleIn(payload: JWTPayload, claim: string): Role | null {
  const names = namesAt(payload, claim).map((name) => name.toLowerCase());
  const ours = names.flatMap((name) => (name.startsWith(PREFIX) ? name.slice(PREFIX.length) : []));
  const named = ours.length > 0 ? ours : names;
  return BY_RANK.findLast((role) => named.includes(role.toLowerCase())) ?? null;
}

/** A claim of the whole name comes first: names of claims may be addresses. */
function namesAt(payload: JWTPayload, claim: string): readonly string[] {
  const steps = Object.hasOwn(payload, claim) ? [claim] : claim.split('.');
  let value: unknown = payload;
  for (const step of steps) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return [];
    value = (value as Record<string, unknown>)[step];
  }
  const values = typeof value === 'string' ? value.split(/[\s,]+/) : value;
  return Array.isArray(values) ? values.filter((each) => typeof each === 'string') : [];
}

function nameIn({ preferred_username: username, name, sub = '' }: JWTPayload): string {
  const known = [username, name].find((each): each is string => typeof each === 'string' && each !== '');
  return (known ?? sub).slice(0, MAX_NAME);
}

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { MixgateError } from '../errors.ts';
import { ROLES, type Role } from './caller.ts';

/** `mgk_ID_SECRET`: the id names it in lists and logs, the secret is 256 random bits. */
const PATTERN = /^mgk_([0-9a-f]{16})_[\w-]{43}$/;

const when = z.iso.datetime();
/** What is kept of a key: never the key. */
export const keySchema = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{16}$/),
  name: z.string().min(1).max(80),
  role: z.enum(ROLES),
  /**
   * Of the whole key, hexadecimal. A slow hash makes guessing dear where people choose what is hashed; 256 random bits
   * cannot be guessed, and a fast one keeps refusals cheap.
   */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  createdAt: when,
  expiresAt: when.nullable(),
  revokedAt: when.nullable(),
});
export type Key = Readonly<z.output<typeof keySchema>>;

export interface NewKey {
  readonly name: string;
  readonly role: Role;
  readonly expiresAt: Date | null;
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** `text` is the key, which nobody can tell any more afterwards. */
export function makeKey(
  { name, role, expiresAt }: NewKey,
  now: number,
): { readonly text: string; readonly key: Key } {
  const id = randomBytes(8).toString('hex');
  const text = `mgk_${id}_${randomBytes(32).toString('base64url')}`;
  const createdAt = new Date(now).toISOString();
  const kept = { id, name, role, sha256: sha256(text).toString('hex'), createdAt };
  return { text, key: { ...kept, expiresAt: expiresAt?.toISOString() ?? null, revokedAt: null } };
}

export const looksLikeKey = (text: string): boolean => text.startsWith('mgk_');

/** Compared with where no key has that id, so that an unknown id costs what a known one does. */
const NOBODY = Buffer.alloc(32);

/** The one of `keys` that `text` is. Only who has the key learns that it is revoked or expired. @throws UNAUTHENTICATED */
export function findKey(text: string, keys: readonly Key[], now: number): Key {
  const id = PATTERN.exec(text)?.[1];
  const key = keys.find((each) => each.id === id);
  const isRight = timingSafeEqual(sha256(text), key === undefined ? NOBODY : Buffer.from(key.sha256, 'hex'));
  if (key === undefined || !isRight)
    throw new MixgateError(
      'UNAUTHENTICATED',
      'This API key is not known here: check that it is whole, or have one made with `mixgate keys create`.',
      { reason: 'UNKNOWN' },
    );
  const problem = whyInvalid(key, now);
  if (problem !== null) throw problem;
  return key;
}

/** Null while it counts. */
export function whyInvalid(
  { name, expiresAt, revokedAt }: Pick<Key, 'name' | 'expiresAt' | 'revokedAt'>,
  now: number,
): MixgateError | null {
  if (revokedAt !== null)
    return new MixgateError('UNAUTHENTICATED', `The API key ${name} was revoked: use another one.`, {
      reason: 'REVOKED',
    });
  if (expiresAt !== null && Date.parse(expiresAt) <= now)
    return new MixgateError(
      'UNAUTHENTICATED',
      `The API key ${name} expired at ${expiresAt}: use another one.`,
      { reason: 'EXPIRED' },
    );
  return null;
}

/** In constant time, whatever their lengths. */
export const isSame = (one: string, other: string): boolean => timingSafeEqual(sha256(one), sha256(other));

import { readFileSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { lock } from 'proper-lockfile';
import writeFileAtomic from 'write-file-atomic';
import { z } from 'zod';
import { messageOf, MixgateError } from '../errors.ts';
import { keySchema, makeKey, type Key, type NewKey } from './key.ts';

const schema = z.strictObject({ version: z.literal(1), keys: z.array(keySchema) });

/** A process that was killed holds its lock for so long. */
const STALE_MS = 5000;
const RETRIES = { retries: 20, minTimeout: 50, maxTimeout: 500 };

export const keyFileOf = (dataDir: string): string => path.join(dataDir, 'keys.json');

/** Also where the data folder is none. */
const NOT_THERE: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR']);

/** The keys of a data folder; null where none was ever made. @throws INVALID_INPUT where the file is damaged or cannot be read */
export function readKeys(file: string): readonly Key[] | null {
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8'))).keys;
  } catch (error) {
    if (NOT_THERE.has((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw new MixgateError(
      'INVALID_INPUT',
      `${file} has the API keys and cannot be used: mend it, or put it aside and make new ones with \`mixgate keys create\`. ${messageOf(error)}`,
      { path: file },
    );
  }
}

/** Returns the key itself, which is kept nowhere. @throws INVALID_INPUT where a key that counts has the name */
export async function addKey(file: string, wanted: NewKey, now: number): Promise<{ text: string; key: Key }> {
  const made = makeKey(wanted, now);
  await change(file, (keys) => {
    if (keys.some(({ name, revokedAt }) => name === wanted.name && revokedAt === null))
      throw new MixgateError(
        'INVALID_INPUT',
        `--name: there is a key ${wanted.name} already: choose another name, or revoke that one first.`,
      );
    return [...keys, made.key];
  });
  return made;
}

/** By id or name; one that was revoked before is left as it is. @throws NOT_FOUND */
export async function revokeKey(file: string, idOrName: string, now: number): Promise<Key> {
  let revoked: Key | undefined;
  await change(file, (keys) => {
    const named = keys.filter(({ id, name }) => id === idOrName || name === idOrName);
    const found = named.find(({ revokedAt }) => revokedAt === null) ?? named.at(-1);
    if (found === undefined)
      throw new MixgateError('NOT_FOUND', `There is no key ${idOrName}: \`mixgate keys list\` has them.`);
    const key = { ...found, revokedAt: found.revokedAt ?? new Date(now).toISOString() };
    revoked = key;
    return keys.map((each) => (each === found ? key : each));
  });
  return revoked!;
}

/** One process at a time, and whole or not at all. */
async function change(file: string, to: (keys: readonly Key[]) => readonly Key[]): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const release = await lock(file, { realpath: false, stale: STALE_MS, retries: RETRIES });
  try {
    const content = { version: 1, keys: to(readKeys(file) ?? []) };
    const owner = await stat(path.dirname(file));
    await writeFileAtomic(file, `${JSON.stringify(content, null, 2)}\n`, {
      mode: 0o600,
      // Root makes keys for a service that is somebody else, and has to be able to read them.
      ...(process.getuid?.() === 0 && { chown: { uid: owner.uid, gid: owner.gid } }),
    });
  } finally {
    await release();
  }
}

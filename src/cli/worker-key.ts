import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Made at the first start: a page that was opened with it goes on working after a restart. */
export async function ownWorkerKey(dataDir: string): Promise<string> {
  const file = path.join(dataDir, 'worker-key');
  const read = async () => (await readFile(file, 'utf8').catch(() => '')).trim();
  const known = await read();
  if (known.length >= 16) return known;
  const key = randomBytes(24).toString('base64url');
  // Another process may just be making one; and where none can be kept, this one holds until the next start.
  await writeFile(file, key, { mode: 0o600, flag: known === '' ? 'wx' : 'w' }).catch(() => undefined);
  return (await read()) || key;
}

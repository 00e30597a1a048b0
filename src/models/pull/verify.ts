import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { MixgateError } from '../../errors.ts';
import type { Digest } from './remote-file.ts';

const CHUNK_BYTES = 2 ** 18;

/** Reads a file and compares it. @throws INTEGRITY_MISMATCH; the signal's reason */
export async function verify(
  file: { readonly path: string; readonly name: string },
  digest: Digest,
  { signal, onBytes }: { readonly signal: AbortSignal; readonly onBytes: (bytes: number) => void },
): Promise<void> {
  const hash = createHash(digest.algorithm === 'sha256' ? 'sha256' : 'sha1');
  if (digest.algorithm === 'git-sha1') hash.update(`blob ${(await stat(file.path)).size}\0`);
  for await (const chunk of createReadStream(file.path, { highWaterMark: CHUNK_BYTES, signal })) {
    hash.update(chunk as Buffer);
    onBytes((chunk as Buffer).length);
  }
  const actual = hash.digest('hex');
  if (actual === digest.hex) return;
  throw new MixgateError(
    'INTEGRITY_MISMATCH',
    `${file.name} is not what was promised: its ${digest.algorithm} is ${actual}, not ${digest.hex}. It was thrown away; try another source.`,
    { file: file.name, algorithm: digest.algorithm, expected: digest.hex, actual },
  );
}

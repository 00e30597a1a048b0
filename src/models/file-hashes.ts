import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { z } from 'zod';
import { MixgateError } from '../errors.ts';

const CHUNK_BYTES = 2 ** 18;

const schema = z.record(
  z.string(),
  z.object({
    sizeBytes: z.number(),
    changedAt: z.number(),
    sha256: z.string(),
    /** Read in the same pass: what MLC's tensor tables name. */
    md5: z.string(),
  }),
);
type Known = z.output<typeof schema>[string];

/** What files are, by their bytes. A file is read once for as long as its size and time of change stay the same. */
export class FileHashes {
  readonly #file: string;
  readonly #known: Map<string, Known>;

  /** `file` keeps what was read for the next start. */
  constructor(file: string) {
    this.#file = file;
    this.#known = read(file);
  }

  /**
   * SHA-256 in hexadecimal.
   * @throws INTEGRITY_MISMATCH where the MD5 that is promised is another; what reading throws; the signal's reason
   */
  async sha256(place: string, md5: string | null, signal?: AbortSignal): Promise<string> {
    const { size, mtimeMs } = await stat(place);
    let known = this.#known.get(place);
    if (known?.sizeBytes !== size || known.changedAt !== mtimeMs) {
      known = { sizeBytes: size, changedAt: mtimeMs, ...(await hashesOf(place, signal)) };
      this.#known.set(place, known);
    }
    if (md5 === null || md5.toLowerCase() === known.md5) return known.sha256;
    throw new MixgateError(
      'INTEGRITY_MISMATCH',
      `${place} is broken: its MD5 is ${known.md5}, its table says ${md5}. Download it again.`,
      { file: path.basename(place), algorithm: 'md5', expected: md5, actual: known.md5 },
    );
  }

  /** Keeps what is known, less what is gone. @throws what writing throws */
  async save(): Promise<void> {
    for (const place of this.#known.keys())
      if ((await stat(place).catch(() => null)) === null) this.#known.delete(place);
    await mkdir(path.dirname(this.#file), { recursive: true });
    await writeFileAtomic(this.#file, JSON.stringify(Object.fromEntries(this.#known)));
  }
}

async function hashesOf(place: string, signal?: AbortSignal): Promise<Pick<Known, 'sha256' | 'md5'>> {
  const hashes = { sha256: createHash('sha256'), md5: createHash('md5') };
  const stream = createReadStream(place, { highWaterMark: CHUNK_BYTES, ...(signal && { signal }) });
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    hashes.sha256.update(chunk);
    hashes.md5.update(chunk);
  }
  return { sha256: hashes.sha256.digest('hex'), md5: hashes.md5.digest('hex') };
}

function read(file: string): Map<string, Known> {
  try {
    return new Map(Object.entries(schema.parse(JSON.parse(readFileSync(file, 'utf8')))));
  } catch {
    return new Map(); // Not there, or damaged: everything is read once more.
  }
}

import { readFileSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { z } from 'zod';
import type { Digest } from './remote-file.ts';

const schema = z.record(
  z.string(),
  z.object({ sizeBytes: z.number(), changedAt: z.number(), algorithm: z.string(), hex: z.string() }),
);

/** Which files were hashed, with size and time: what has not changed since need not be read again. */
export class VerifiedFiles {
  readonly #file: string;
  #known: z.output<typeof schema>;

  constructor(file: string) {
    this.#file = file;
    this.#known = read(file);
  }

  async has(place: string, { algorithm, hex }: Digest): Promise<boolean> {
    const known = this.#known[place];
    if (known === undefined || known.algorithm !== algorithm || known.hex !== hex) return false;
    const stats = await stat(place).catch(() => null);
    return stats?.size === known.sizeBytes && stats.mtimeMs === known.changedAt;
  }

  /** Forgets files that are gone. @throws what writing throws */
  async add(places: readonly { readonly place: string; readonly digest: Digest }[]): Promise<void> {
    const kept: z.output<typeof schema> = {};
    for (const [place, known] of Object.entries(this.#known))
      if ((await stat(place).catch(() => null)) !== null) kept[place] = known;
    for (const { place, digest } of places) {
      const { size, mtimeMs } = await stat(place);
      kept[place] = { sizeBytes: size, changedAt: mtimeMs, ...digest };
    }
    this.#known = kept;
    await mkdir(path.dirname(this.#file), { recursive: true });
    await writeFileAtomic(this.#file, JSON.stringify(kept));
  }
}

function read(file: string): z.output<typeof schema> {
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return {}; // Not there, or damaged: everything is hashed once more.
  }
}

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { lock } from 'proper-lockfile';
import writeFileAtomic from 'write-file-atomic';
import { z } from 'zod';
import { ErrorCode, MixgateError } from '../../errors.ts';
import { modelSettingsSchema } from '../model-settings.ts';
import { diskError } from './disk.ts';
import { ENDED, type PullRecord } from './pull.ts';
import { parseSource } from './source.ts';

/** Hidden, so that no scan looks into it. */
const FOLDER = '.pulls';
const RECORD = 'pull.json';
/** What failed is kept for so long, to be gone on with. */
const KEEP_MS = 7 * 24 * 3_600_000;
/** A process that was killed holds its lock for so long. */
const STALE_MS = 5000;
const RETRY_MS = 500;

const recordSchema = z.object({
  id: z.string().regex(/^[0-9a-f]{16}$/),
  source: z.string().refine((text) => isReadable(text)),
  sha256: z.union([z.string(), z.record(z.string(), z.string())]).nullable(),
  settings: modelSettingsSchema.nullable(),
  createdAt: z.number(),
  finishedAt: z.number().nullable(),
  state: z.enum(['QUEUED', 'DOWNLOADING', 'VERIFYING', 'COMPLETED', 'FAILED', 'CANCELLED']),
  error: z.object({ code: z.enum(ErrorCode), message: z.string(), retryable: z.boolean() }).nullable(),
  chosen: z.array(z.string()).nullable(),
  reasons: z.array(z.string()),
});

/** Where pulls keep their parts and what they are about, a folder each, inside the models folder: on the same disk. */
export class PullStore {
  readonly #root: string;

  constructor(modelsFolder: string) {
    this.#root = path.join(modelsFolder, FOLDER);
  }

  folder(id: string): string {
    return path.join(this.#root, id);
  }

  /** What earlier runs left and can be gone on with. */
  records(now: number): PullRecord[] {
    return this.#ids().flatMap((id) => {
      try {
        const record = recordSchema.parse(
          JSON.parse(readFileSync(path.join(this.folder(id), RECORD), 'utf8')),
        );
        const isOld = record.finishedAt !== null && now - record.finishedAt > KEEP_MS;
        return isOld || record.id !== id ? [] : [record];
      } catch {
        return []; // Begun and never written, or damaged: nobody can go on with it.
      }
    });
  }

  has(id: string): boolean {
    return existsSync(path.join(this.folder(id), RECORD));
  }

  /** Writes down what is asked for, unless another process works on it already. @throws DISK_FULL */
  async announce(record: PullRecord): Promise<void> {
    await this.locked(record.id, 0, () => this.save(record)).catch((error: unknown) => {
      if (!(error instanceof MixgateError) || error.code !== 'IN_USE') throw error;
    });
  }

  /** Deletes what is too old or too damaged to go on with, unless another process has it. */
  async clean(now: number): Promise<void> {
    const usable = new Set(this.records(now).map(({ id }) => id));
    for (const id of this.#ids().filter((each) => !usable.has(each)))
      await this.locked(id, 0, () => this.remove(id)).catch(() => undefined);
  }

  /** What has ended well or was cancelled leaves nothing to go on with. @throws DISK_FULL */
  async save(record: PullRecord): Promise<void> {
    if (ENDED.has(record.state) && record.state !== 'FAILED') return;
    const file = path.join(this.folder(record.id), RECORD);
    try {
      await mkdir(this.folder(record.id), { recursive: true });
      await writeFileAtomic(file, JSON.stringify(record));
    } catch (error) {
      throw diskError(error, file);
    }
  }

  remove(id: string): Promise<void> {
    return rm(this.folder(id), { recursive: true, force: true });
  }

  /**
   * Runs while no other process works on the same pull; waits for one that does.
   * @throws IN_USE after `waitMs`; DISK_FULL; the signal's reason while it waits
   */
  async locked<T>(
    id: string,
    waitMs: number,
    run: (lost: AbortSignal) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const lost = new AbortController();
    const release = await this.#lock(id, waitMs, { onLost: () => lost.abort(inUse(id)), signal });
    try {
      return await run(lost.signal);
    } finally {
      await release().catch(() => undefined); // Lost already.
    }
  }

  async #lock(
    id: string,
    waitMs: number,
    { onLost, signal }: { onLost: () => void; signal: AbortSignal | undefined },
  ): Promise<() => Promise<void>> {
    const until = performance.now() + waitMs;
    // Beside the folder and not in it: the folder is deleted while the lock is held.
    const lockfilePath = `${this.folder(id)}.lock`;
    for (;;) {
      signal?.throwIfAborted();
      try {
        await mkdir(this.folder(id), { recursive: true });
        return await lock(this.folder(id), {
          lockfilePath,
          stale: STALE_MS,
          update: STALE_MS / 5,
          onCompromised: onLost,
        });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw diskError(error, lockfilePath);
        if (performance.now() >= until) throw inUse(id);
      }
      await delay(RETRY_MS, undefined, { signal });
    }
  }

  #ids(): string[] {
    try {
      return readdirSync(this.#root).filter((name) => /^[0-9a-f]{16}$/.test(name));
    } catch {
      return []; // Nothing was ever pulled.
    }
  }
}

function isReadable(source: string): boolean {
  try {
    parseSource(source);
    return true;
  } catch {
    return false;
  }
}

/** Longer than a killed process' lock lasts. */
export const LOCK_WAIT_MS = STALE_MS * 2;

const inUse = (id: string): MixgateError =>
  new MixgateError('IN_USE', `Another mixgate is pulling this already (${id}): wait for it.`, { pull: id });

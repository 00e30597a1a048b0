import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { MixgateError, messageOf } from '../../errors.ts';

/** `PID-UUID.reference`. */
const NAME = /^(\d+)-[0-9a-f-]{36}\.reference$/;

/** Where references' distributions are while they are compared with. What a killed process left is deleted. */
export class ReferenceFolder {
  readonly #folder: string;
  readonly #open = new Set<string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** A name that no file has yet, and what to call when nobody needs it any more. @throws FORBIDDEN */
  async create(): Promise<{ readonly path: string; readonly remove: () => Promise<void> }> {
    const file = path.join(this.#folder, `${process.pid}-${randomUUID()}.reference`);
    this.#open.add(file);
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    } catch (error) {
      this.#open.delete(file);
      throw new MixgateError(
        'FORBIDDEN',
        `${this.#folder} cannot be made (${messageOf(error)}): change who owns it, choose another --data-dir, or measure without a reference.`,
      );
    }
    await this.sweep();
    return {
      path: file,
      remove: async () => {
        await rm(file, { force: true });
        this.#open.delete(file);
      },
    };
  }

  /** Deletes what belongs to no process that lives; this one knows its own. */
  async sweep(): Promise<void> {
    const names = await readdir(this.#folder).catch(() => []);
    const left = names.filter((name) => {
      const pid = Number(NAME.exec(name)?.[1] ?? NaN);
      if (Number.isNaN(pid)) return false;
      return pid === process.pid ? !this.#open.has(path.join(this.#folder, name)) : !lives(pid);
    });
    await Promise.all(
      left.map((name) => rm(path.join(this.#folder, name), { force: true }).catch(() => undefined)),
    );
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

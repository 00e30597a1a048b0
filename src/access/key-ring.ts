import { unwatchFile, watchFile } from 'node:fs';
import { asMixgateError, type MixgateError } from '../errors.ts';
import type { Key } from './key.ts';
import { readKeys } from './key-file.ts';

/** Looked at rather than watched: that works on every file system, and a revoked key may count for so long. */
const LOOK_MS = 500;

/** The keys of a data folder as they are now, for a process that lives on while they change. */
export class KeyRing {
  readonly #file: string;
  #keys: readonly Key[] | null = null;
  #problem: MixgateError | null = null;
  #onChange: (problem: MixgateError | null) => void = () => undefined;

  constructor(file: string) {
    this.#file = file;
    this.#read();
  }

  /** Whether keys are asked for: from the first one on, also when all are revoked, gone or unreadable. */
  get isThere(): boolean {
    return this.#keys !== null || this.#problem !== null;
  }

  /** None count while the file is damaged: whom it would have revoked nobody knows. @throws INVALID_INPUT then */
  get keys(): readonly Key[] {
    if (this.#problem !== null) throw this.#problem;
    return this.#keys ?? [];
  }

  /** Tells of each change, until `close`. Another call takes the place of the one before. */
  watch(onChange: (problem: MixgateError | null) => void): void {
    this.#onChange = onChange;
    watchFile(this.#file, { interval: LOOK_MS, persistent: false }, this.#look);
    // What changed since it was read first.
    this.#look();
  }

  close(): void {
    unwatchFile(this.#file, this.#look);
  }

  readonly #look = (): void => {
    this.#read();
    this.#onChange(this.#problem);
  };

  #read(): void {
    try {
      const keys = readKeys(this.#file);
      // A file that is deleted takes its keys with it, and opens nothing.
      this.#keys = keys ?? (this.isThere ? [] : null);
      this.#problem = null;
    } catch (error) {
      this.#problem = asMixgateError(error);
    }
  }
}

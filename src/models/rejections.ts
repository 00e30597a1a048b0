import path from 'node:path';
import type { Log } from '../log.ts';
import { withoutSplit } from './gguf-split.ts';

/** Why files that look like models are not used. Each reason is logged once, not at every scan. */
export class Rejections {
  readonly #log: Log;
  #reasons = new Map<string, string>();
  #before = new Map<string, string>();
  #isWatching = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** A scan starts: what it does not reject again is forgiven. */
  begin(isWatching: boolean): void {
    this.#before = this.#reasons;
    this.#reasons = new Map();
    this.#isWatching = isWatching;
  }

  end(): void {
    this.#before = new Map(this.#reasons);
  }

  /** While folders are watched, what is incomplete is most likely on its way. */
  add(file: string, reason: string, isIncomplete: boolean): void {
    this.#reasons.set(file, reason);
    if (this.#before.get(file) === reason) return;
    this.#before.set(file, reason);
    if (isIncomplete && this.#isWatching) this.#log.debug('catalog.incomplete', { path: file, reason });
    else this.#log.warn('catalog.rejected', { path: file, reason });
  }

  forgive(file: string): void {
    this.#reasons.delete(file);
    this.#before.delete(file);
  }

  /** The rejected file of that name, else one whose name starts so. */
  named(id: string): { readonly file: string; readonly reason: string } | undefined {
    const plain = (name: string) => withoutSplit(name.toLowerCase()).replace(/\.gguf$/, '');
    const wanted = plain(id);
    if (wanted === '') return undefined;
    const candidates = [...this.#reasons]
      .map(([file, reason]) => ({ file, reason, name: plain(path.basename(file)) }))
      .filter(({ name }) => name.startsWith(wanted));
    return candidates.find(({ name }) => name === wanted) ?? candidates[0];
  }
}

import path from 'node:path';
import type { Log } from '../log.ts';
import { withoutSplit } from './gguf-split.ts';

/** Why a file that looks like a model is not used: damaged, not whole yet, or the same variant as another. */
type RejectionKind = 'UNUSABLE' | 'INCOMPLETE' | 'DUPLICATE';

interface Rejection {
  readonly reason: string;
  /** When it was first given for this reason, milliseconds of a steady clock. */
  readonly since: number;
  isLogged: boolean;
}

/** While folders are watched, what is not whole is most likely on its way; after so long without a change it is not. */
export const COMPLAIN_MS = 5000;

/** Why files are not used. Each reason is logged once, not at every scan. */
export class Rejections {
  readonly #log: Log;
  #rejections = new Map<string, Rejection>();
  #before: ReadonlyMap<string, Rejection> = new Map();
  #isWatching = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** A scan starts: what it does not reject again is forgiven. */
  begin(isWatching: boolean): void {
    this.#before = this.#rejections;
    this.#rejections = new Map();
    this.#isWatching = isWatching;
  }

  /** True where something may be on its way. */
  end(): boolean {
    this.#before = this.#rejections;
    return [...this.#rejections.values()].some(({ isLogged }) => !isLogged);
  }

  add(file: string, reason: string, kind: RejectionKind): void {
    const before = this.#before.get(file);
    const now = performance.now();
    const rejection = before?.reason === reason ? before : { reason, since: now, isLogged: false };
    this.#rejections.set(file, rejection);
    const mayCome = kind === 'INCOMPLETE' && this.#isWatching && now - rejection.since < COMPLAIN_MS;
    if (rejection.isLogged || mayCome) return;
    rejection.isLogged = true;
    if (kind === 'DUPLICATE') this.#log.info('catalog.duplicate', { path: file, reason });
    else this.#log.warn('catalog.rejected', { path: file, reason });
  }

  forgive(file: string): void {
    this.#rejections.delete(file);
  }

  /** The rejected file of that name, else one whose name starts so. */
  named(id: string): { readonly file: string; readonly reason: string } | undefined {
    const plain = (name: string) => withoutSplit(name.toLowerCase()).replace(/\.gguf$/, '');
    const wanted = plain(id);
    if (wanted === '') return undefined;
    const candidates = [...this.#rejections]
      .map(([file, { reason }]) => ({ file, reason, name: plain(path.basename(file)) }))
      .filter(({ name }) => name.startsWith(wanted));
    return candidates.find(({ name }) => name === wanted) ?? candidates[0];
  }
}

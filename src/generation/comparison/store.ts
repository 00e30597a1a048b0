import { KeptIds, type KeepEnded } from '../kept-ids.ts';
import type { Comparison } from './comparison.ts';

export interface MemoryStoreOptions {
  readonly now: () => number;
  readonly keepEnded: KeepEnded;
}

/** The comparisons in memory: all that run, and of the ended ones some. */
export class MemoryComparisonStore {
  readonly #byId = new Map<string, Comparison>();
  readonly #kept: KeptIds;

  constructor({ keepEnded, now }: MemoryStoreOptions) {
    this.#kept = new KeptIds(keepEnded, now);
  }

  add(comparison: Comparison): void {
    this.#byId.set(comparison.id, comparison);
  }

  /** It has ended: from now on it may be forgotten. */
  ended({ id, sizeBytes }: Comparison): void {
    this.#kept.add(id, sizeBytes);
    this.#forgetOld();
  }

  find(id: string): Comparison | null {
    this.#forgetOld();
    return this.#byId.get(id) ?? null;
  }

  /** In the order they were created. */
  all(): readonly Comparison[] {
    this.#forgetOld();
    return [...this.#byId.values()];
  }

  /** What has ended goes. */
  forget(id: string): void {
    if (this.#kept.remove(id)) this.#byId.delete(id);
  }

  #forgetOld(): void {
    for (const id of this.#kept.tooMany()) this.forget(id);
  }
}

import type { Comparison } from './comparison.ts';

export interface MemoryStoreOptions {
  readonly now: () => number;
  /** Ended ones: how many, for how long, milliseconds, and of what size together. */
  readonly keepEnded: { readonly count: number; readonly ms: number; readonly bytes: number };
}

/** The comparisons in memory: all that run, and of the ended ones some. */
export class MemoryComparisonStore {
  readonly #options: MemoryStoreOptions;
  readonly #byId = new Map<string, Comparison>();
  /** In the order they ended. */
  readonly #kept = new Map<string, { readonly finishedAt: number; readonly sizeBytes: number }>();
  #keptBytes = 0;

  constructor(options: MemoryStoreOptions) {
    this.#options = options;
  }

  add(comparison: Comparison): void {
    this.#byId.set(comparison.id, comparison);
  }

  /** It has ended: from now on it may be forgotten. */
  ended({ id, sizeBytes }: Comparison): void {
    this.#kept.set(id, { finishedAt: this.#options.now(), sizeBytes });
    this.#keptBytes += sizeBytes;
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
    this.#keptBytes -= this.#kept.get(id)?.sizeBytes ?? 0;
    if (this.#kept.delete(id)) this.#byId.delete(id);
  }

  /** Oldest first, until what is left is young enough, few enough and small enough. */
  #forgetOld(): void {
    const { keepEnded, now } = this.#options;
    for (const [id, { finishedAt }] of this.#kept) {
      const isOld = now() - finishedAt > keepEnded.ms;
      // The newest may still be read to its end, whatever its size.
      const isSmall = this.#keptBytes <= keepEnded.bytes || this.#kept.size === 1;
      if (!isOld && this.#kept.size <= keepEnded.count && isSmall) return;
      this.forget(id);
    }
  }
}

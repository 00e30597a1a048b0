/** What has ended and is still in memory: how many, for how long, milliseconds, and of what size together, bytes. */
export interface KeepEnded {
  readonly count: number;
  readonly ms: number;
  readonly bytes: number;
}

/** Ids of what has ended, in that order, and which of them are too many by now. */
export class KeptIds {
  readonly #keep: KeepEnded;
  readonly #now: () => number;
  readonly #kept = new Map<string, { readonly finishedAt: number; readonly sizeBytes: number }>();
  #bytes = 0;

  constructor(keep: KeepEnded, now: () => number) {
    this.#keep = keep;
    this.#now = now;
  }

  ids(): string[] {
    return [...this.#kept.keys()];
  }

  add(id: string, sizeBytes: number): void {
    this.#kept.set(id, { finishedAt: this.#now(), sizeBytes });
    this.#bytes += sizeBytes;
  }

  /** Whether it was there. */
  remove(id: string): boolean {
    this.#bytes -= this.#kept.get(id)?.sizeBytes ?? 0;
    return this.#kept.delete(id);
  }

  /** Oldest first, until what is left is young enough, few enough and small enough. */
  tooMany(): string[] {
    const { count, ms, bytes } = this.#keep;
    let left = { count: this.#kept.size, bytes: this.#bytes };
    const gone: string[] = [];
    for (const [id, { finishedAt, sizeBytes }] of this.#kept) {
      const isOld = this.#now() - finishedAt > ms;
      // The newest may still be read to its end, whatever its size.
      const isSmall = left.bytes <= bytes || left.count === 1;
      if (!isOld && left.count <= count && isSmall) break;
      gone.push(id);
      left = { count: left.count - 1, bytes: left.bytes - sizeBytes };
    }
    return gone;
  }
}

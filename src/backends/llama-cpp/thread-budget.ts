/** Something that computes on the CPU with as many threads as it is told. */
export interface Computing {
  setThreads(count: number): void;
}

/**
 * Divides the machine's computing threads among the runners that are busy, so that together they never use more:
 * llama.cpp's threads spin at barriers, and two runners with all cores each are slower than one after the other.
 */
export class ThreadBudget {
  readonly #busy = new Set<Computing>();
  readonly #threads: () => number;

  /** `threads` is asked at each change: the cores are known only once a runner has described the machine. */
  constructor(threads: () => number) {
    this.#threads = threads;
  }

  update(computing: Computing, isBusy: boolean): void {
    if (this.#busy.has(computing) === isBusy) return;
    if (isBusy) this.#busy.add(computing);
    else this.#busy.delete(computing);
    const share = Math.max(1, Math.floor(this.#threads() / Math.max(1, this.#busy.size)));
    for (const each of this.#busy) each.setThreads(share);
  }
}

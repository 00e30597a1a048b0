const WINDOW_MS = 5000;
const STEP_MS = 250;

/** Bytes per second over the last seconds. */
export class Rate {
  readonly #now: () => number;
  #samples: { readonly at: number; readonly bytes: number }[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  /** `bytes` in all have been received by now. */
  note(bytes: number): void {
    const at = this.#now();
    const last = this.#samples.at(-1);
    if (last !== undefined && at - last.at < STEP_MS && bytes >= last.bytes) return;
    if (last !== undefined && bytes < last.bytes) this.#samples = [];
    this.#samples = [...this.#samples.filter((sample) => at - sample.at <= WINDOW_MS), { at, bytes }];
  }

  /** Null before there is anything to tell. */
  perSecond(bytes: number): number | null {
    const [first] = this.#samples;
    const ms = first === undefined ? 0 : this.#now() - first.at;
    return first === undefined || ms < STEP_MS ? null : (Math.max(0, bytes - first.bytes) * 1000) / ms;
  }
}

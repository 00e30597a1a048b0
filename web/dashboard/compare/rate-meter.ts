/** Enough for half a minute at two a second. */
const MOST_SAMPLES = 60;
const SMOOTHED = 2;

/** Tokens per second of one lane, as they come. */
export class RateMeter {
  #samples: readonly number[] = [];
  #tokens = 0;
  #lastMs: number | null = null;

  get samples(): readonly number[] {
    return this.#samples;
  }

  /** What came before somebody looked says nothing of the speed, and is not told here. */
  add(tokens: number): void {
    this.#tokens += tokens;
  }

  /** Takes a sample of what was added since the last one; the first one only begins. */
  sample(nowMs: number): void {
    const elapsedMs = this.#lastMs === null ? 0 : nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    const tokens = this.#tokens;
    this.#tokens = 0;
    if (elapsedMs <= 0) return;
    this.#samples = [...this.#samples, (1000 * tokens) / elapsedMs].slice(-MOST_SAMPLES);
  }
}

/** Of about the last second; null before there is anything to tell. */
export function currentRate(samples: readonly number[]): number | null {
  const last = samples.slice(-SMOOTHED);
  return last.length === 0 ? null : last.reduce((sum, rate) => sum + rate, 0) / last.length;
}

import type { ReportOf } from '../../../protocol/frames.ts';

/**
 * Wall time of one generation by stage, as llama.cpp's print_timings divides it: the prompt until its logits are
 * there, each later decode step, and each sampling. Steps of other slots in the same batch count as waiting for
 * this one, as they are.
 */
export class StageClock {
  readonly #now: () => number;
  #mark: number;
  #promptMs = 0;
  readonly #eval = { ms: 0, count: 0 };
  readonly #sample = { ms: 0, count: 0 };
  #isPromptDone = false;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#mark = now();
  }

  /** Logits are there, sampling begins. */
  computed(): void {
    const ms = this.#lap();
    if (!this.#isPromptDone) {
      this.#promptMs = ms;
      this.#isPromptDone = true;
      return;
    }
    this.#eval.ms += ms;
    this.#eval.count++;
  }

  /** A token was sampled, the next step begins. */
  sampled(): void {
    this.#sample.ms += this.#lap();
    this.#sample.count++;
  }

  /** `promptTokens`: computed ones, without the cached. */
  timings(promptTokens: number): ReportOf<'end'>['timings'] {
    const promptEval = this.#isPromptDone ? { ms: this.#promptMs, count: promptTokens } : { ms: 0, count: 0 };
    return { sample: { ...this.#sample }, promptEval, eval: { ...this.#eval } };
  }

  #lap(): number {
    const now = this.#now();
    const ms = now - this.#mark;
    this.#mark = now;
    return ms;
  }
}

import { setTimeout as delay } from 'node:timers/promises';
import { asMixgateError } from '../../errors.ts';

export interface Persistence {
  /** Failures in a row, without bytes between them, after which it is given up. */
  readonly attempts: number;
  /** Before the second try, milliseconds; doubles each time. */
  readonly retryMs: number;
}

/** A request that brought this much was no failure, however often a server hangs up. */
export const PROGRESS_BYTES = 16 * 1024;
const MAX_RETRY_MS = 30_000;
const SOON_MS = 50;

/** Counts failures of a source, and waits before it is asked again. */
export class Attempts {
  readonly #persistence: Persistence;
  #failures = 0;

  constructor(persistence: Persistence) {
    this.#persistence = persistence;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  /**
   * `parallel`: requests that ran at once fail at once, which is one failure of the source.
   * @throws the error itself where it will not pass, or when it was one too many; the signal's reason
   */
  async failed(
    error: unknown,
    { hasBrought, parallel = 1 }: { readonly hasBrought: boolean; readonly parallel?: number },
    signal: AbortSignal,
  ): Promise<void> {
    const { code, data } = asMixgateError(error);
    if (code !== 'SOURCE_UNAVAILABLE') throw error;
    const { attempts, retryMs } = this.#persistence;
    this.#failures = hasBrought ? 0 : this.#failures + 1 / parallel;
    // Thirds add up to a little less than one.
    if (this.#failures > attempts - 0.01) throw error;
    const pause = hasBrought ? SOON_MS : Math.min(MAX_RETRY_MS, retryMs * 2 ** Math.floor(this.#failures));
    await delay(Math.max(pause, Number(data['retryAfterMs'] ?? 0)), undefined, { signal });
  }
}

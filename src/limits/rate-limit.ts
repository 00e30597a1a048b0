import type { RateLimiterRes } from 'rate-limiter-flexible';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { MixgateError } from '../errors.ts';

export interface RateLimitOptions {
  /** The option that sets it. */
  readonly limit: string;
  /** What is counted, as an error says it. */
  readonly what: string;
  /** 0: without limit. */
  readonly perMinute: number;
  /** As many are counted apart in a minute, those beyond together: nobody takes memory by giving himself names. */
  readonly mostKeys?: number;
}

const MINUTE_MS = 60_000;
const MOST_KEYS = 10_000;
const OTHERS = 'others';

/** How much somebody may do in a minute, which begins with the first of it. */
export class RateLimit {
  readonly perMinute: number;
  readonly #options: RateLimitOptions;
  readonly #mostKeys: number;
  readonly #limiter: RateLimiterMemory | null;
  /** Until when each is counted, milliseconds since 1970; the first to end first. */
  readonly #minutes = new Map<string, number>();

  constructor(options: RateLimitOptions) {
    this.#options = options;
    this.perMinute = options.perMinute;
    this.#mostKeys = options.mostKeys ?? MOST_KEYS;
    this.#limiter =
      options.perMinute === 0
        ? null
        : new RateLimiterMemory({ points: options.perMinute, duration: MINUTE_MS / 1000 });
  }

  /** Counts one. @throws RATE_LIMITED */
  async take(key: string): Promise<void> {
    try {
      await this.#limiter?.consume(this.#counted(key));
    } catch (rejection) {
      throw this.#refusal(rejection as RateLimiterRes);
    }
  }

  /** @throws RATE_LIMITED where nothing is left */
  async check(key: string): Promise<void> {
    const state = await this.#state(key);
    if (state !== null && state.consumedPoints >= this.perMinute) throw this.#refusal(state);
  }

  /** Counts what has happened, whether or not it was still allowed. */
  spend(key: string, amount = 1): void {
    if (amount > 0) void this.#limiter?.penalty(this.#counted(key), amount);
  }

  /** Of this minute; 0 where nothing is limited. */
  async used(key: string): Promise<number> {
    return (await this.#state(key))?.consumedPoints ?? 0;
  }

  async #state(key: string): Promise<RateLimiterRes | null> {
    const isFull = this.#minutes.size >= this.#mostKeys && !this.#minutes.has(key);
    return (await this.#limiter?.get(isFull ? OTHERS : key)) ?? null;
  }

  #counted(key: string): string {
    const now = Date.now();
    for (const [known, end] of this.#minutes) {
      if (end > now) break;
      this.#minutes.delete(known);
    }
    if (this.#minutes.has(key)) return key;
    if (this.#minutes.size >= this.#mostKeys) return OTHERS;
    this.#minutes.set(key, now + MINUTE_MS);
    return key;
  }

  #refusal({ msBeforeNext }: RateLimiterRes): MixgateError {
    const { limit, what, perMinute } = this.#options;
    const retryAfterMs = Math.max(1, Math.ceil(msBeforeNext));
    return new MixgateError(
      'RATE_LIMITED',
      `More than ${perMinute} ${what} in a minute: try again in ${Math.ceil(retryAfterMs / 1000)} s.`,
      { limit, [limit]: perMinute, retryAfterMs },
    );
  }
}

import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../../errors.ts';
import type { Log } from '../../../log.ts';

/** A browser that is up and lends itself. */
export interface Lender {
  readonly pid: number | null;
  /** Resolves with why it is of no use any more; never rejects. */
  readonly ended: Promise<string>;
  /** Says goodbye and ends it, whatever state it is in. Never rejects. */
  close(): Promise<void>;
}

export interface Backoff {
  /** Before the first restart, milliseconds; doubles with each. */
  readonly firstMs: number;
  readonly mostMs: number;
  /** One that ran for so long is taken for a good one: the next pause is the first again. */
  readonly steadyMs: number;
}

export interface SupervisorOptions {
  /** Starts one. What it has started when it fails or is aborted, it has also ended. */
  readonly start: (signal: AbortSignal) => Promise<Lender>;
  readonly log: Log;
  readonly now: () => number;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly backoff: Backoff;
}

export const BACKOFF: Backoff = { firstMs: 500, mostMs: 60_000, steadyMs: 60_000 };

/** Resolves early, and does not reject, when it is aborted. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  delay(ms, undefined, { signal }).catch(() => undefined);

/** Keeps one browser up until it is stopped. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #stopping = new AbortController();
  readonly #run: Promise<void>;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#run = this.#keepUp();
  }

  /** Resolves when the browser is gone. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#run;
  }

  async #keepUp(): Promise<void> {
    const { backoff, log, pause: wait } = this.#options;
    const { signal } = this.#stopping;
    let nextMs = backoff.firstMs;
    for (;;) {
      const { reason, ranMs } = await this.#once(signal);
      if (signal.aborted) {
        log.info('headless.ended', { reason: 'stopped', restartMs: null });
        return;
      }
      const restartMs = ranMs >= backoff.steadyMs ? backoff.firstMs : nextMs;
      nextMs = Math.min(backoff.mostMs, restartMs * 2);
      log.warn('headless.ended', { reason, restartMs });
      await wait(restartMs, signal);
    }
  }

  /** One browser from its start to its end. */
  async #once(signal: AbortSignal): Promise<{ reason: string; ranMs: number }> {
    const { start, log, now } = this.#options;
    if (signal.aborted) return { reason: 'stopped', ranMs: 0 };
    let lender: Lender;
    try {
      lender = await start(signal);
    } catch (error) {
      return { reason: messageOf(error), ranMs: 0 };
    }
    const startedAt = now();
    log.info('headless.started', { pid: lender.pid });
    const reason = await Promise.race([lender.ended, aborted(signal)]);
    const ranMs = now() - startedAt;
    await lender.close();
    return { reason, ranMs };
  }
}

const aborted = (signal: AbortSignal): Promise<string> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve('stopped');
    else signal.addEventListener('abort', () => resolve('stopped'), { once: true });
  });

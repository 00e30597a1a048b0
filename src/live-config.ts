import { isDeepStrictEqual } from 'node:util';
import { CONFIG_KEYS, type Config, type ConfigKey } from './config.ts';
import { RELOADS } from './config-reload.ts';
import { messageOf } from './errors.ts';
import type { Log } from './log.ts';
import type { ConfigStatus } from './server/config-status.ts';

/** The configuration of a gateway that runs: read again, it changes where that is possible, whole or not at all. */
export class LiveConfig {
  /** Always what is in force: whoever reads an option when it is needed has its newest value. */
  readonly config: Config;
  readonly #read: () => Config;
  readonly #now: () => number;
  #values: Config;
  #status: ConfigStatus;

  /** `read` gives the configuration as its sources say it now. @throws what `read` throws */
  constructor(read: () => Config, now: () => number) {
    this.#read = read;
    this.#now = now;
    this.#values = read();
    this.#status = { problem: null, readAt: now() };
    const view = {};
    for (const key of CONFIG_KEYS)
      Object.defineProperty(view, key, { enumerable: true, get: () => this.#values[key] });
    this.config = Object.freeze(view) as Config;
  }

  get status(): ConfigStatus {
    return this.#status;
  }

  /** Reads it again. Gives the options that have changed and are in force; none where there is a mistake anywhere. */
  reload(log: Log): ReadonlySet<ConfigKey> {
    let next: Config;
    try {
      next = this.#read();
    } catch (error) {
      const problem = messageOf(error);
      this.#status = { ...this.#status, problem };
      log.error('config.rejected', { reason: problem });
      return new Set();
    }
    const changed = CONFIG_KEYS.filter((key) => !isDeepStrictEqual(next[key], this.#values[key]));
    const inForce = changed.filter((key) => RELOADS[key]);
    const atRestart = changed.filter((key) => !RELOADS[key]);
    this.#values = Object.freeze({
      ...this.#values,
      ...Object.fromEntries(inForce.map((key) => [key, next[key]])),
    });
    this.#status = { problem: null, readAt: this.#now() };
    log.info('config.reloaded', { changed: inForce });
    if (atRestart.length > 0) log.warn('config.needsRestart', { options: atRestart });
    return new Set(inForce);
  }
}

import { startHeadless } from '../backends/webgpu/headless/headless.ts';
import type { Supervisor } from '../backends/webgpu/headless/supervisor.ts';
import type { Config } from '../config.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';

export interface OwnBrowserOptions {
  /** Read anew at each start. */
  readonly config: Pick<Config, 'webgpuHeadless' | 'chromium'>;
  readonly page: { readonly gateway: string; readonly key: string };
  readonly log: Log;
}

/** The Chromium without a window that a gateway starts for itself. A gateway without it is one all the same. */
export class OwnBrowser {
  readonly #options: OwnBrowserOptions;
  #supervisor: Supervisor | null = null;

  constructor(options: OwnBrowserOptions) {
    this.#options = options;
  }

  /** As the configuration wants it. Gives why it cannot be started; null where it was, or is not wanted. */
  async start(): Promise<string | null> {
    await this.stop();
    const { config, page, log } = this.#options;
    if (!config.webgpuHeadless) return null;
    try {
      const { chromium } = config;
      this.#supervisor = startHeadless({
        page: { ...page, name: 'headless', memoryGib: null },
        chromium,
        log,
      });
      return null;
    } catch (error) {
      const reason = messageOf(error);
      log.error('headless.unavailable', { reason });
      return reason;
    }
  }

  /** Resolves when it is gone. */
  async stop(): Promise<void> {
    await this.#supervisor?.stop();
    this.#supervisor = null;
  }
}

import type { Access } from '../access/access.ts';
import type { Config, ConfigKey } from '../config.ts';
import type { Observer } from '../generation/observer.ts';
import type { Log } from '../log.ts';
import type { PublishedWeights } from '../server/published-weights.ts';
import type { Services } from '../resolvers/services.ts';

/** What the commands need from the composition root. */
export interface CommandEnvironment {
  readonly version: string;
  readonly createGateway: (
    config: Config,
    log: Log,
    observer: Observer,
    options?: GatewayOptions,
  ) => Promise<Gateway>;
}

export interface GatewayOptions {
  /** Whether it looks for models and devices; what only reads the history need not wait for them. */
  readonly looksAround?: boolean;
}

/** Everything that runs below the transports. */
export interface Gateway {
  readonly services: Services;
  readonly access: Access;
  readonly weights: PublishedWeights;
  /** Lets a browser lend its GPU. */
  readonly workerKey: string;
  /** Acts upon options that have changed, where reading them when they are needed is not enough. */
  readonly reconfigure: (changed: ReadonlySet<ConfigKey>) => Promise<void>;
  readonly dispose: () => Promise<void>;
}

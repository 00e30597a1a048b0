import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startHeadless } from '../backends/webgpu/headless/headless.ts';
import type { Config } from '../config.ts';
import { MixgateError } from '../errors.ts';
import { createLog, logFormatOf } from '../log.ts';
import { createSchema } from '../resolvers/schema.ts';
import { Metrics } from '../server/metrics.ts';
import { startServer } from '../server/server.ts';
import type { Gateway } from './environment.ts';

/** How long a browser may take to lend itself, and how often that is looked at, milliseconds. */
const PATIENCE_MS = 60_000;
const LOOK_MS = 100;

/**
 * Runs a command beside a Chromium without a window, where the configuration asks for one: the gateway listens on a
 * port of its own for as long.
 * @throws BACKEND_UNAVAILABLE where there is no Chromium, and where it does not lend itself in time
 */
export async function besideBrowser(
  gateway: Gateway,
  config: Config,
  command: () => Promise<void>,
): Promise<void> {
  if (!config.webgpuHeadless) return command();
  const log = createLog({ level: config.logLevel, format: logFormatOf(config.logFormat) });
  const { services, access, weights, workerKey } = gateway;
  const server = await startServer({
    schema: await createSchema(),
    ...{ services, access, weights, log },
    ...{ host: '127.0.0.1', port: 0, exposure: config, metrics: new Metrics(), tracing: null },
    configStatus: () => ({ problem: null, readAt: Date.now() }),
    pagesFolder: fileURLToPath(new URL('..', import.meta.url)),
  });
  try {
    const page = { gateway: server.url, key: workerKey, name: 'headless', memoryGib: null };
    const browser = startHeadless({ page, chromium: config.chromium, log });
    try {
      await lent(services.machine);
      await command();
    } finally {
      await browser.stop();
    }
  } finally {
    await server.close();
  }
}

async function lent(machine: Gateway['services']['machine']): Promise<void> {
  const until = Date.now() + PATIENCE_MS;
  while (!machine.devices().some(({ backendId }) => backendId === 'webgpu')) {
    if (Date.now() > until)
      throw new MixgateError(
        'BACKEND_UNAVAILABLE',
        `The browser has not lent itself within ${PATIENCE_MS / 1000} s: --log-level info shows why.`,
      );
    await delay(LOOK_MS);
    await machine.refresh();
  }
}

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { WebGpu } from '../../src/backends/webgpu/adapter.ts';
import { BrowserWorkers } from '../../src/generation/browser-workers.ts';
import { publishFolder } from '../../src/backends/webgpu/publish-folder.ts';
import { filesForBrowser, identityOf } from '../../src/models/browser-files.ts';
import { createSchema } from '../../src/resolvers/schema.ts';
import type { Services } from '../../src/resolvers/services.ts';
import { createRateLimits } from '../../src/limits/rate-limits.ts';
import { Metrics } from '../../src/server/metrics.ts';
import { PublishedWeights } from '../../src/server/published-weights.ts';
import { startServer, type Server } from '../../src/server/server.ts';
import { WORKER_KEY, workerPage } from './browser.ts';
import { openAccess } from './access.ts';
import { loadConfig } from '../../src/config.ts';
import { recordingLog } from './recording-log.ts';

const NO_RATES = createRateLimits({ requestsPerMinute: 0, tokensPerMinute: 0, failedSignInsPerMinute: 0 });

/** The worker's side of a gateway, on a real port, with a backend that a test can hold in its hands. */
export class WorkerServer {
  readonly backend: WebGpu;
  readonly #weights = new PublishedWeights(WORKER_KEY);
  #server: Server | null = null;
  #page: Page | null = null;

  /** `partBytes` as of `filesForBrowser`. */
  constructor({ leaseMs = 20_000, partBytes }: { leaseMs?: number; partBytes?: number } = {}) {
    this.backend = new WebGpu({
      leaseMs,
      publish: async (place) => {
        if (statSync(place).isDirectory()) return publishFolder(this.#weights, mlcFolder(place));
        const file = { path: place, sizeBytes: statSync(place).size };
        return this.#weights.publish(await filesForBrowser([file], partBytes), await identityOf([file]));
      },
      onChange: () => undefined,
      log: recordingLog().log,
    });
  }

  get origin(): string {
    return new URL(this.#server!.url).origin;
  }

  async start(): Promise<void> {
    this.#server = await startServer({
      schema: await createSchema(),
      // Of all that a gateway has, only what workers talk to.
      services: {
        workers: new BrowserWorkers(this.backend, (key) => key === WORKER_KEY),
        identityProvider: null,
        rates: NO_RATES,
      } as Services,
      access: openAccess(),
      host: '127.0.0.1',
      port: 0,
      exposure: loadConfig({}, {}),
      log: recordingLog().log,
      metrics: new Metrics(),
      tracing: null,
      weights: this.#weights,
      pagesFolder: path.resolve(import.meta.dirname, '../../dist'),
      configStatus: () => ({ problem: null, readAt: 0 }),
    });
  }

  /** Opens the worker's page and waits until it lends. */
  async open(browser: Browser): Promise<Page> {
    const before = new Set(await this.#devices());
    const page = await browser.newPage();
    await page.goto(workerPage(this.origin));
    await page.getByText('Lent.').waitFor();
    while ((await this.#devices()).every((id) => before.has(id)))
      await new Promise((resolve) => setTimeout(resolve, 20));
    this.#page = page;
    return page;
  }

  async #devices(): Promise<string[]> {
    return (await this.backend.describe()).devices.map(({ id }) => id);
  }

  /** Closes the tab, as a person does. */
  async closeTab(): Promise<void> {
    await this.#page?.close({ runBeforeUnload: false });
  }

  async stop(): Promise<void> {
    await this.backend.dispose();
    await this.#server?.close();
  }
}

function mlcFolder(folder: string) {
  const names = readdirSync(folder);
  return {
    files: names.map((name) => {
      const content = readFileSync(path.join(folder, name));
      const sha256 = createHash('sha256').update(content).digest('hex');
      return { name, path: path.join(folder, name), sizeBytes: content.length, sha256 };
    }),
    library: names.find((name) => name.endsWith('.wasm'))!,
    interface: 'FFI' as const,
  };
}

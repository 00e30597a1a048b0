import path from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Backend } from '../../src/backends/backend.ts';
import { noBrowser, startBrowser } from '../support/browser.ts';
import { WorkerServer } from '../support/worker-server.ts';
import { describeBackend } from './describe-backend.ts';

const root = path.resolve(import.meta.dirname, '../..');

if (noBrowser !== null)
  describe('backend webgpu (wllama in Chromium)', () =>
    it(`needs a browser: ${noBrowser}`, (test) => test.skip()));
else {
  const server = new WorkerServer();
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
    await server.start();
    await server.open(browser);
  });
  afterAll(async () => {
    await browser.close();
    await server.stop();
  });

  describeBackend('webgpu (wllama in Chromium)', () => ({
    // The server is stopped after the suite, not by it.
    backend: { ...bound(server.backend), dispose: async () => undefined },
    path: path.join(root, 'models/demo/tiny-mixtral-8x2M.Q8_0.gguf'),
    brokenPath: path.join(root, 'package.json'),
    endless: { jsonSchema: { type: 'array', minItems: 400, items: { type: 'integer' } } },
    // A page and a socket lie between, and the demo model makes a thousand tokens a second: this is a fifth of one.
    mostAfterAbort: 200,
    async crash() {
      await server.closeTab();
      await server.open(browser);
    },
  }));
}

const bound = (backend: Backend): Backend => ({
  id: backend.id,
  capabilities: backend.capabilities,
  describe: () => backend.describe(),
  load: (request, options) => backend.load(request, options),
  dispose: () => backend.dispose(),
});

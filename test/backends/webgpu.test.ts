import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend, GenerationPart, Prompt } from '../../src/backends/backend.ts';
import { noBrowser, startBrowser, skipWithoutBrowser } from '../support/browser.ts';
import { makeMlcModel } from '../support/mlc-model/make-mlc-model.ts';
import { WorkerServer } from '../support/worker-server.ts';
import { describeBackend } from './describe-backend.ts';
import { GREEDY } from '../support/greedy.ts';

const root = path.resolve(import.meta.dirname, '../..');

const modelFolder = mkdtempSync(path.join(os.tmpdir(), 'mixgate-mlc-'));

if (noBrowser !== null)
  describe('backend webgpu (engines in Chromium)', () =>
    it(`needs a browser: ${noBrowser}`, skipWithoutBrowser));
else {
  const server = new WorkerServer();
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
    await server.start();
    await server.open(browser);
    // Long enough to be stopped in the middle.
    await makeMlcModel(modelFolder, { answer: Array.from({ length: 500 }, (_, index) => ` w${index}`) });
  });
  afterAll(async () => {
    await browser.close();
    await server.stop();
    rmSync(modelFolder, { recursive: true });
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

  describeBackend('webgpu (web-llm in Chromium)', () => ({
    backend: { ...bound(server.backend), dispose: async () => undefined },
    path: modelFolder,
    brokenPath: path.join(root, 'package.json'),
    // Its tokenizer makes a token of every byte.
    endless: { prompt: { text: 'x' } },
    mostAfterAbort: 20,
    slots: 1,
    deviceKind: 'WEBGPU',
    async crash() {
      await server.closeTab();
      await server.open(browser);
    },
  }));

  describe('a chat template that a manifest sets', () => {
    it('is what wllama uses', async () => {
      const device = (await server.backend.describe()).devices.find(({ kind }) => kind === 'CPU')!;
      const resident = await server.backend.load(
        {
          path: path.join(root, 'models/demo/tiny-mixtral-8x2M.Q8_0.gguf'),
          deviceId: device.id,
          gpuLayers: 0,
          contextSize: 512,
          slots: 1,
          kvCacheType: 'F16',
          batchSize: 512,
          budgetBytes: null,
          hostLimitBytes: null,
          chatTemplate: '{% for message in messages %}Say: {{ message.content }}{% endfor %}',
        },
        {},
      );
      const run = async (prompt: Prompt) => {
        const parts: GenerationPart[] = [];
        const request = {
          prompt,
          sampling: GREEDY,
          contextSize: 512,
          maxTokens: 16,
          stop: [],
          jsonSchema: null,
        };
        for await (const part of resident.generate(request, new AbortController().signal)) parts.push(part);
        return parts.flatMap((part) => (part.type === 'text' ? part.text : part.usage.promptTokens));
      };
      const chat = await run({ messages: [{ role: 'user', content: 'a word' }] });
      const raw = await run({ text: 'Say: a word' });
      const textOf = (parts: (string | number)[]) => parts.slice(0, -1).join('');
      expect(textOf(chat)).toBe(textOf(raw));
      expect(chat.at(-1)).toBe(raw.at(-1));
      await resident.unload();
    });
  });
}

const bound = (backend: Backend): Backend => ({
  id: backend.id,
  capabilities: backend.capabilities,
  describe: () => backend.describe(),
  load: (request, options) => backend.load(request, options),
  dispose: () => backend.dispose(),
});

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend, RunRequest } from '../../src/backends/backend.ts';
import { filesForBrowser } from '../../src/models/browser-files.ts';
import type { VirtualPart } from '../../src/models/gguf-virtual-split.ts';
import { cpuBackend } from '../support/cpu-backend.ts';
import { noBrowser, startBrowser, skipWithoutBrowser } from '../support/browser.ts';
import { UNICORN } from '../support/gateway.ts';
import { splitModel, writeFile } from '../support/gguf-writer.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { writeParts } from '../support/virtual-parts.ts';
import { WorkerServer } from '../support/worker-server.ts';
import { GREEDY } from '../support/greedy.ts';

const root = path.resolve(import.meta.dirname, '../..');
const demo = path.join(root, 'models/demo/tiny-mixtral-8x2M.Q8_0.gguf');
const sizeBytes = readFileSync(demo).length;
/** Four parts and more of the demo model. */
const PART_BYTES = 1_200_000;
/** Less than its metadata: the first part has no tensor. */
const TINY_PART_BYTES = 50_000;

const REQUEST: RunRequest = {
  prompt: { messages: [{ role: 'user', content: UNICORN }] },
  sampling: GREEDY,
  contextSize: 512,
  maxTokens: 48,
  stop: [],
  jsonSchema: null,
};

/** What the model at `file` says, greedily. */
async function answerOf(backend: Backend, file: string): Promise<string> {
  const { devices } = await backend.describe();
  const resident = await backend.load(
    {
      path: file,
      deviceId: devices.find(({ kind }) => kind === 'CPU')!.id,
      gpuLayers: 0,
      contextSize: 512,
      slots: 1,
      kvCacheType: 'F16',
      batchSize: 512,
      budgetBytes: null,
      hostLimitBytes: null,
      chatTemplate: null,
    },
    { signal: undefined, onProgress: undefined },
  );
  let text = '';
  for await (const part of resident.generate(REQUEST, new AbortController().signal))
    if (part.type === 'text') text += part.text;
  await resident.unload();
  return text;
}

const native = cpuBackend();
let expected: string;
beforeAll(async () => {
  expected = await answerOf(native, demo);
});
afterAll(() => native.dispose());

describe('the parts that are made for a browser', () => {
  const folder = temporaryFolder();

  it.each([PART_BYTES, TINY_PART_BYTES])('of %i bytes are a model to llama.cpp', async (partBytes) => {
    const parts = (await filesForBrowser([{ path: demo, sizeBytes }], partBytes)) as readonly VirtualPart[];
    const [first] = writeParts(folder(), parts);
    expect(expected).not.toBe('');
    expect(await answerOf(native, first!)).toBe(expected);
  });

  it('of parts that were too large are one as well', async () => {
    const files = (await splitModel(demo, 2)).map((bytes, index) => ({
      path: writeFile(folder(), `tiny-0000${index + 1}-of-00002.gguf`, bytes),
      sizeBytes: bytes.length,
    }));
    const parts = (await filesForBrowser(files, PART_BYTES)) as readonly VirtualPart[];
    expect(parts.length).toBeGreaterThan(3);
    expect(await answerOf(native, writeParts(folder(), parts)[0]!)).toBe(expected);
  });
});

if (noBrowser !== null)
  describe('a browser', () => it(`cannot be started here: ${noBrowser}`, skipWithoutBrowser));
else
  describe('a browser', () => {
    it.each([PART_BYTES, TINY_PART_BYTES])(
      'answers alike from parts of %i bytes that are nowhere on the disk',
      async (partBytes) => {
        const server = new WorkerServer({ partBytes });
        const browser = await startBrowser();
        try {
          await server.start();
          const page = await server.open(browser);
          const fetched: string[] = [];
          page.on('response', (response) => {
            if (response.url().includes('/weights/')) fetched.push(path.basename(response.url()));
          });
          expect(await answerOf(server.backend, demo)).toBe(expected);
          expect(fetched.length).toBeGreaterThan(3);
          expect(fetched[0]).toMatch(/^tiny-mixtral-8x2M\.Q8_0-00001-of-\d{5}\.gguf$/);
        } finally {
          await browser.close();
          await server.stop();
        }
      },
    );
  });

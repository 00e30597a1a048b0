import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Catalog } from '../../src/models/catalog.ts';
import { noBrowser, startBrowser, skipWithoutBrowser } from '../support/browser.ts';
import { makeMlcModel, MLC_LIBRARY, type MlcModelOptions } from '../support/mlc-model/make-mlc-model.ts';
import { recordingLog } from '../support/recording-log.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { WebLlmServer, type Answer, type WebLlmPage } from './web-llm-page.ts';

const folder = temporaryFolder();
const make = (options: MlcModelOptions = {}) =>
  makeMlcModel(path.join(folder(), 'tiny-chain-q4f32_1-MLC'), options);

it('the model made by hand is one for the catalog', async () => {
  await make();
  const { log, rejected } = recordingLog();
  const catalog = new Catalog({ directories: [folder()], log });
  await catalog.scan();
  expect(rejected()).toEqual([]);
  expect(catalog.models()).toMatchObject([
    {
      id: 'tiny-chain',
      architecture: 'qwen2',
      chatTemplate: expect.stringContaining('<|im_start|>') as string,
      variants: [
        { id: 'tiny-chain:q4f32_1', format: 'MLC', quantization: 'q4f32_1', mlc: { library: MLC_LIBRARY } },
      ],
    },
  ]);
  await catalog.close();
});

it('its library has what libraries for this web-llm have', async () => {
  const { library } = await make();
  const module = new WebAssembly.Module(
    await readFile(path.join(folder(), 'tiny-chain-q4f32_1-MLC', library)),
  );
  expect(WebAssembly.Module.imports(module).map(({ name }) => name)).toEqual(
    expect.arrayContaining(['TVMFFIWasmSafeCall', 'TVMFFIWasmFunctionDeleter', 'clock_time_get']),
  );
  expect(WebAssembly.Module.exports(module).map(({ name }) => name)).toEqual(
    expect.arrayContaining(['memory', '_initialize', 'TVMFFIGetVersion', 'TVMFFIFunctionCall']),
  );
});

if (noBrowser !== null)
  describe('web-llm with the model made by hand', () =>
    it(`needs a browser: ${noBrowser}`, skipWithoutBrowser));
else
  describe('web-llm with the model made by hand', () => {
    const server = new WebLlmServer();
    let browser: Browser;
    let page: WebLlmPage;
    beforeAll(async () => {
      await server.start();
      browser = await startBrowser();
    });
    afterAll(async () => {
      server.close();
      await browser.close();
    });

    let answer = '';
    /** A page that has it loaded. */
    async function load(options: MlcModelOptions = {}): Promise<void> {
      const model = await make(options);
      answer = model.answer;
      server.folder = model.folder;
      page = await server.open(browser);
      await page.start();
    }
    afterEach(() => page.close());

    const textOf = ({ parts }: Answer) => parts.join('');

    describe('as it is', () => {
      beforeEach(() => load());

      it('fetches each file once, and nothing when the page loads it again', async () => {
        const files = [
          'mlc-chat-config.json',
          MLC_LIBRARY,
          'tokenizer.json',
          'tensor-cache.json',
          'params_shard_0.bin',
          'params_shard_1.bin',
        ];
        expect(server.requests).toEqual(files);
        await page.evaluate('engine.unload()');
        await page.start();
        expect(server.requests).toEqual(files);
      });

      it('gives the known answer in whole characters, with the number of tokens', async () => {
        const told = await page.ask();
        expect(told).toMatchObject({ finishReason: 'stop', error: null });
        expect(textOf(told)).toBe(answer);
        expect(told.parts.slice(4, 9)).toEqual([' five', ' six', ' 七', ' eight', ' nine']);
        expect(told.parts).toContain(' 🦄');
        // web-llm counts the token that ends the answer.
        expect(told.usage).toEqual({ prompt: 45, completion: 41 });
      });

      it('gives it at high temperatures, and after a prompt of many chunks, too', async () => {
        expect(textOf(await page.ask({ temperature: 1.5, top_p: 1, repetition_penalty: 1.1 }))).toBe(answer);
        const messages = [{ role: 'user', content: '0123456789'.repeat(40) }];
        const told = await page.ask({ messages, max_tokens: 2 });
        expect(told).toMatchObject({ parts: ['One', ' two'], usage: { prompt: 439 } });
      });

      it('goes on where a text ends', async () => {
        const told = await page.ask({ of: 'plain', prompt: 'Numbers: One two three', max_tokens: 3 });
        expect(told).toMatchObject({ parts: [' 四', ' five', ' six'], finishReason: 'length' });
      });

      it('reads only what is new of a conversation that goes on', async () => {
        const first = { role: 'user', content: 'Count!' };
        const said = { role: 'assistant', content: textOf(await page.ask({ messages: [first] })) };
        const messages = [first, said, { role: 'user', content: 'More!' }];
        expect((await page.ask({ messages, max_tokens: 2 })).usage).toEqual({ prompt: 24, completion: 2 });
        // After an answer that was cut, it reads all again.
        expect((await page.ask({ messages, max_tokens: 2 })).usage).toEqual({ prompt: 114, completion: 2 });
      });

      it('stops after so many tokens, and before a text', async () => {
        expect(await page.ask({ max_tokens: 3 })).toEqual({
          parts: ['One', ' two', ' three'],
          finishReason: 'length',
          usage: { prompt: 45, completion: 3 },
          error: null,
        });
        expect(await page.ask({ stop: [' five'] })).toMatchObject({
          parts: ['One', ' two', ' three', ' 四'],
          finishReason: 'stop',
        });
      });

      it('answers in a worker as in a page', async () => {
        expect(textOf(await page.askInWorker())).toBe(answer);
      });

      it('says where a prompt is too long, and keeps the GPU as it was', async () => {
        const before = await page.evaluate(ALLOCATED_BYTES);
        const messages = [{ role: 'user', content: '0123456789'.repeat(60) }];
        expect((await page.ask({ messages })).error).toMatch(/^ContextWindowSizeExceededError/);
        expect(textOf(await page.ask())).toBe(answer);
        expect(await page.evaluate(ALLOCATED_BYTES)).toBe(before);
      });

      it('fills the context and no more', async () => {
        const messages = [{ role: 'user', content: 'x'.repeat(461) }];
        expect(await page.ask({ messages })).toMatchObject({
          finishReason: 'length',
          usage: { prompt: 500, completion: 13 },
        });
      });
    });

    it('stops in the middle, and answers the next', async () => {
      await load({ pauseMs: 10 });
      expect(await page.ask({ interruptAfter: 4 })).toEqual({
        parts: ['One', ' two', ' three', ' 四'],
        finishReason: 'abort',
        usage: { prompt: 45, completion: 4 },
        error: null,
      });
      expect(textOf(await page.ask())).toBe(answer);
    });

    it('answers otherwise from other weights', async () => {
      const { folder: written } = await make();
      const shard = path.join(written, 'params_shard_0.bin');
      const bytes = await readFile(shard);
      server.folder = written;
      await writeFile(shard, shifted(bytes));
      page = await server.open(browser);
      await page.start();
      expect((await page.ask({ max_tokens: 4 })).parts.slice(0, 2)).not.toEqual(['One', ' two']);
    });

    it('fails where a token does, and answers the next', async () => {
      await load({ failAt: 3 });
      expect(await page.ask()).toMatchObject({
        parts: ['One', ' two'],
        finishReason: null,
        error: 'Error: this token was made to fail',
      });
      expect(textOf(await page.ask())).toBe(answer);
    });

    // Whether this engine can load again is a matter of timing: it may have disposed of its parts, and try to again.
    it('fails where the GPU is lost, and another engine answers', async () => {
      await load({ loseDeviceAt: 3 });
      const lost = await page.ask();
      expect(lost.parts).toEqual(['One', ' two']);
      expect(lost.error).toMatch(/^AbortError: Failed to execute 'mapAsync'/);
      expect((await page.ask()).error).not.toBeNull();
      await page.start();
      expect(await page.ask({ max_tokens: 2 })).toMatchObject({ parts: ['One', ' two'], error: null });
    });
  });

const ALLOCATED_BYTES =
  '[...engine.loadedModelIdToPipeline.values()][0].tvm.lib.webGPUContext.currAllocatedBytes';

/** Each token's row of the embedding becomes that of the next. */
function shifted(bytes: Buffer): Buffer {
  const row = 16;
  return Buffer.concat([bytes.subarray(row, row * 300), bytes.subarray(0, row), bytes.subarray(row * 300)]);
}

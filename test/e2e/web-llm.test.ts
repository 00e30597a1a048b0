import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  killGpuProcess,
  noBrowser,
  startBrowser,
  WORKER_KEY,
  workerPage,
  skipWithoutBrowser,
} from '../support/browser.ts';
import { GENERATE, startGateway, textOf, type TestEvent, type TestGateway } from '../support/gateway.ts';
import { makeMlcModel, MLC_LIBRARY, type MlcModelOptions } from '../support/mlc-model/make-mlc-model.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const MODEL = 'tiny-chain';
const folder = temporaryFolder();
const modelFolder = (quantization = 'q4f32_1') => path.join(folder(), `tiny-chain-${quantization}-MLC`);

let gateway: TestGateway;
let browser: Browser;

const generate = async (change: object = {}): Promise<TestEvent[]> => {
  const input = {
    model: MODEL,
    prompt: { messages: [{ role: 'USER', content: 'Count, please.' }] },
    sampling: { temperature: 0, repeatPenalty: 1 },
    contextSize: 256,
    ...change,
  };
  return (await gateway.subscribe<'generate'>(GENERATE, { input })).map((event) => event.generate);
};

interface Device {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly memorySource: string;
  readonly resident: readonly object[];
  readonly webGpu: { isFallbackAdapter: boolean; features: string[]; maxBufferBytes: number } | null;
}
const devices = async (): Promise<Device[]> => {
  const { data } = await gateway.query<{ devices: Device[] }>(
    '{ devices { id kind name memorySource resident { id } webGpu { isFallbackAdapter features maxBufferBytes } } }',
  );
  return data.devices;
};
const gpus = async (): Promise<Device[]> => (await devices()).filter(({ kind }) => kind === 'WEBGPU');

async function until(isTrue: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await isTrue())) await delay(50);
}

/** A gateway with the hand-made model, and a tab that lends; gives the paths of weights that the tab asked for. */
async function lend(options: MlcModelOptions | null = {}): Promise<{ page: Page; asked: string[] }> {
  if (options !== null) await makeMlcModel(modelFolder(), options);
  gateway = await startGateway(['--models-dir', folder()], { MIXGATE_WORKER_KEY: WORKER_KEY });
  const page = await (await browser.newContext()).newPage();
  const asked: string[] = [];
  page.context().on('request', (request) => {
    const { pathname } = new URL(request.url());
    if (pathname.startsWith('/weights/')) asked.push(pathname.split('/').at(-1)!);
  });
  await page.goto(workerPage(new URL(gateway.url).origin));
  await until(async () => (await gpus()).length === 1);
  return { page, asked };
}

if (noBrowser !== null)
  describe('MLC weights in a browser', () => it(`need a browser: ${noBrowser}`, skipWithoutBrowser));
else
  describe('MLC weights in a browser', () => {
    beforeAll(async () => {
      browser = await startBrowser();
    });
    afterEach(async () => {
      await gateway.stop('SIGKILL');
      for (const context of browser.contexts()) await context.close().catch(() => undefined);
    });
    afterAll(() => browser.close());

    it('run on its GPU, which says what it is', async () => {
      const { answer } = await makeMlcModel(modelFolder());
      const { page, asked } = await lend();
      const [gpu] = await gpus();
      expect(gpu).toMatchObject({
        name: expect.stringContaining('swiftshader') as string,
        memorySource: 'ESTIMATED',
        webGpu: { isFallbackAdapter: true },
      });
      expect(gpu!.webGpu!.features).not.toContain('shader-f16');
      expect(gpu!.webGpu!.maxBufferBytes).toBeGreaterThan(2 ** 28);

      const events = await generate();
      expect(events.at(-1)).toMatchObject({
        finishReason: 'END_OF_TEXT',
        usage: { cachedPromptTokens: 0, completionTokens: 40 },
      });
      expect(textOf(events)).toBe(answer);
      const { timings, usage } = events.at(-1)!;
      expect(timings!['promptEval']).toMatchObject({ count: usage!.promptTokens });
      expect(timings!['eval']!.count).toBe(39);
      expect(timings!['eval']!.ms).toBeGreaterThan(0);
      expect(await page.textContent('#tokens')).toBe('40');
      expect(new Set(asked)).toEqual(
        new Set([
          'mlc-chat-config.json',
          MLC_LIBRARY,
          'tokenizer.json',
          'tensor-cache.json',
          'ndarray-cache.json',
          'params_shard_0.bin',
          'params_shard_1.bin',
        ]),
      );
      // The second load finds everything in the browser.
      const [{ resident }] = (await gpus()) as [Device];
      await gateway.query('mutation ($id: ID!) { unloadModel(id: $id) }', resident[0]);
      asked.length = 0;
      expect(textOf(await generate({ maxTokens: 3 }))).toBe('One two three');
      expect(asked).toEqual([]);
    });

    it('end at stop sequences, limits, and when they are cancelled; one at a time', async () => {
      await lend({ pauseMs: 20 });
      expect(textOf(await generate({ stop: [' five six'] }))).toBe('One two three 四');
      const limited = await generate({ maxTokens: 2 });
      expect([textOf(limited), limited.at(-1)!.finishReason]).toEqual(['One two', 'MAX_TOKENS']);
      const raw = await generate({ prompt: { text: 'One two three' }, maxTokens: 2 });
      expect(textOf(raw)).toBe(' 四 five');
      const { promptTokens } = limited.at(-1)!.usage!;
      const short = await generate({ contextSize: promptTokens + 12 });
      expect(short.at(-1)).toMatchObject({
        finishReason: 'CONTEXT_FULL',
        usage: { promptTokens, completionTokens: 11 },
      });

      const [first, second] = await Promise.all([generate(), generate({ maxTokens: 5 })]);
      expect(first.at(-1)).toMatchObject({ finishReason: 'END_OF_TEXT' });
      expect(textOf(second)).toBe('One two three 四 five');
      expect(first.find(({ plan }) => plan)!.plan!.slots).toBe(1);

      const client = gateway.client();
      const seen: TestEvent[] = [];
      const input = { model: MODEL, prompt: { text: 'x' }, sampling: { temperature: 0 }, contextSize: 256 };
      await new Promise<void>((resolve, reject) => {
        client.subscribe<{ generate: TestEvent }>(
          { query: GENERATE, variables: { input } },
          {
            next: ({ data }) => {
              seen.push(data!.generate);
              if (data!.generate.__typename !== 'TokenChunk') return;
              void gateway.query('mutation ($id: ID!) { cancelGeneration(id: $id) { state } }', {
                id: data!.generate.generationId,
              });
            },
            error: reject,
            complete: resolve,
          },
        );
      });
      await client.dispose();
      expect(seen.at(-1)!.__typename).toBe('GenerationCancelled');
      expect(seen.at(-1)!.usage!.completionTokens).toBeLessThan(40);
      expect(textOf(await generate({ maxTokens: 2 }))).toBe('One two');
    });

    it('are refused where they are asked wrongly, and nothing else is disturbed', async () => {
      await lend();
      const tooLong = await generate({ prompt: { text: 'One two three '.repeat(200) } });
      expect(tooLong.at(-1)!.error!.code).toBe('CONTEXT_OVERFLOW');
      const wrongOrder = await generate({ prompt: { messages: [{ role: 'ASSISTANT', content: 'x' }] } });
      expect(wrongOrder.at(-1)!.error!.code).toBe('INVALID_INPUT');
      const plain = await generate({ prompt: { text: 'x' }, jsonSchema: { type: 'object' } });
      expect(plain.at(-1)!.error!.code).toBe('INVALID_INPUT');
      expect(textOf(await generate({ maxTokens: 2 }))).toBe('One two');
    });

    it('get what a person wrote, also where it means something to a template', async () => {
      await lend();
      const promptTokens = async (content: string) => {
        const events = await generate({ prompt: { messages: [{ role: 'USER', content }] }, maxTokens: 1 });
        return events.at(-1)!.usage!.promptTokens;
      };
      expect(await promptTokens("$& costs $$, $' and $1")).toBe(await promptTokens("#& costs ##, #' and #1"));
    });

    it('with a library of another version are refused before anything is fetched', async () => {
      await makeMlcModel(modelFolder());
      const library = path.join(modelFolder(), MLC_LIBRARY);
      const content = readFileSync(library);
      // Another import of the same length, as other versions have them.
      const at = content.indexOf('emscripten_notify_memory_growth');
      content.write('emscripten_notify_memory_shrink', at);
      writeFileSync(library, content);
      const { asked } = await lend(null);
      const { error } = (await generate()).at(-1)!;
      expect(error).toMatchObject({ code: 'VARIANT_NOT_AVAILABLE' });
      expect(error!.message).toContain('another version of web-llm');
      expect(asked).toEqual([]);
    });

    it('with a broken shard are refused by its hash', async () => {
      await makeMlcModel(modelFolder());
      const shard = path.join(modelFolder(), 'params_shard_1.bin');
      const content = readFileSync(shard);
      content[content.length >> 1]! ^= 1;
      writeFileSync(shard, content);
      const { asked } = await lend(null);
      const { error } = (await generate()).at(-1)!;
      expect(error).toMatchObject({ code: 'INTEGRITY_MISMATCH' });
      expect(error!.message).toContain('params_shard_1.bin');
      expect(asked).toEqual([]);
    });

    it('that break on their way are refused by the browser, and are whole the next time', async () => {
      const { page } = await lend();
      const shards = '**/params_shard_0.bin';
      await page.context().route(shards, async (route) => {
        const body = await (await route.fetch()).body();
        body[0]! ^= 1;
        await route.fulfill({ body });
      });
      const { error } = (await generate()).at(-1)!;
      expect(error).toMatchObject({ code: 'INTEGRITY_MISMATCH' });
      await page.context().unroute(shards);
      expect(textOf(await generate({ maxTokens: 2 }))).toBe('One two');
    });

    it('are chosen with f32 where the GPU has no f16, and the reason is said', async () => {
      await makeMlcModel(modelFolder());
      cpSync(modelFolder(), modelFolder('q4f16_1'), { recursive: true });
      const config = path.join(modelFolder('q4f16_1'), 'mlc-chat-config.json');
      writeFileSync(config, readFileSync(config, 'utf8').replace('"q4f32_1"', '"q4f16_1"'));
      await lend(null);
      const { data } = await gateway.query<{
        plan: {
          chosen: { variant: { quantization: string } };
          candidates: { variant: { quantization: string }; fits: boolean; reasons: string[] }[];
        };
      }>(
        `{ plan(input: { model: "${MODEL}", contextSize: 256 }) { chosen { variant { quantization } }
          candidates { fits reasons variant { quantization } } } }`,
      );
      expect(data.plan.chosen.variant.quantization).toBe('q4f32_1');
      const refused = data.plan.candidates.find(({ variant }) => variant.quantization === 'q4f16_1')!;
      expect(refused.fits).toBe(false);
      expect(refused.reasons.join(' ')).toMatch(/needs shader-f16.*q4f32_1 runs there/);
    });

    it('whose GPU process is killed end with DEVICE_LOST, and run again when it is back', async () => {
      const { page } = await lend({ pauseMs: 50 });
      const running = generate();
      await until(async () => Number(await page.textContent('#tokens')) > 2);
      const killedAt = performance.now();
      await killGpuProcess(browser);
      const events = await running;
      expect(performance.now() - killedAt).toBeLessThan(10_000);
      expect(events.at(-1)).toMatchObject({
        __typename: 'GenerationFailed',
        error: { code: 'DEVICE_LOST', retryable: true },
      });
      expect(textOf(events)).toMatch(/^One two/);
      expect(textOf(await generate({ maxTokens: 2 }))).toBe('One two');
      expect(await gpus()).toHaveLength(1);
    });
  });

if (noBrowser === null)
  describe('a GPU that does not come back', () => {
    it('is no device any more, and the page says so; the CPU is lent on', async () => {
      browser = await startBrowser();
      try {
        const { page } = await lend();
        const before = await devices();
        // Chromium starts its GPU process anew only so often.
        for (let kills = 0; kills < 6 && (await gpus()).length > 0; kills++) {
          await killGpuProcess(browser).catch(() => undefined);
          await delay(4000);
        }
        expect(await page.getAttribute('html', 'data-gpu')).toBe('lost');
        // The same one as before: what runs on it goes on.
        expect((await devices()).map(({ id }) => id)).toEqual(
          before.filter(({ kind }) => kind === 'CPU').map(({ id }) => id),
        );
      } finally {
        await gateway.stop('SIGKILL');
        await browser.close();
      }
    });
  });

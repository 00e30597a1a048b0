import { setTimeout as delay } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  noBrowser,
  processes,
  startBrowser,
  WORKER_KEY,
  workerPage,
  skipWithoutBrowser,
} from '../support/browser.ts';
import { brokenNetwork } from '../support/broken-network.ts';
import {
  DEMO,
  GENERATE,
  startGateway,
  textOf,
  UNICORN,
  type TestEvent,
  type TestGateway,
} from '../support/gateway.ts';
import { compare } from '../support/comparing.ts';
import { LyingWorker } from '../support/lying-worker.ts';

let gateway: TestGateway;
beforeEach(async () => {
  gateway = await startGateway(['--worker-lease-ms', '15000'], { MIXGATE_WORKER_KEY: WORKER_KEY });
});
afterEach(() => gateway.stop('SIGKILL'));

const input = (change: object = {}) => ({
  input: {
    model: DEMO,
    quantization: 'Q8_0',
    backend: 'webgpu',
    prompt: { messages: [{ role: 'USER', content: UNICORN }] },
    sampling: { temperature: 0, repeatPenalty: 1 },
    maxTokens: 24,
    ...change,
  },
});
const generate = async (change: object = {}): Promise<TestEvent[]> =>
  (await gateway.subscribe<'generate'>(GENERATE, input(change))).map((event) => event.generate);

interface Device {
  readonly name: string;
  readonly kind: string;
  readonly memorySource: string;
  readonly memoryTotalBytes: number;
}
const browsers = async (): Promise<Device[]> => {
  const { data } = await gateway.query<{ backends: { id: string; devices: Device[] }[] }>(
    '{ backends { id devices { name kind memorySource memoryTotalBytes } } }',
  );
  // Each tab has one CPU; its GPU is web-llm's matter.
  const { devices } = data.backends.find(({ id }) => id === 'webgpu')!;
  return devices.filter(({ kind }) => kind === 'CPU');
};
async function untilBrowsers(count: number): Promise<Device[]> {
  for (;;) {
    const found = await browsers();
    if (found.length === count) return found;
    await delay(50);
  }
}

if (noBrowser !== null)
  describe('a browser that lends itself', () => it(`needs a browser: ${noBrowser}`, skipWithoutBrowser));
else
  describe('a browser that lends itself', () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await startBrowser();
    });
    afterAll(() => browser.close());

    async function lend(origin = new URL(gateway.url).origin): Promise<Page> {
      const page = await browser.newPage();
      const problems: string[] = [];
      page.on('pageerror', (error) => problems.push(error.message));
      await page.goto(workerPage(origin));
      await untilBrowsers(1);
      expect(problems).toEqual([]);
      return page;
    }

    it('is a device, called a CPU where it computes on one, answers as the native backend does, and goes with its tab', async () => {
      const page = await lend();
      expect(await browsers()).toEqual([
        {
          name: expect.stringContaining('Chrome') as string,
          kind: 'CPU',
          memorySource: 'ESTIMATED',
          memoryTotalBytes: 2 * 2 ** 30,
        },
      ]);
      const here = await generate({ backend: 'llama-cpp' });
      const there = await generate();
      expect(textOf(there)).toBe(textOf(here));
      expect(there.at(-1)).toMatchObject({
        finishReason: 'MAX_TOKENS',
        usage: { promptTokens: here.at(-1)!.usage!.promptTokens, completionTokens: 24 },
      });
      expect(await page.textContent('#tokens')).toBe('24');
      await page.close();
      await untilBrowsers(0);
    });

    it('stops when the person says so, and starts again', async () => {
      const page = await lend();
      await page.getByRole('button', { name: 'Stop' }).click();
      await untilBrowsers(0);
      await page.getByRole('button', { name: 'Lend' }).click();
      await untilBrowsers(1);
      expect(textOf(await generate())).not.toBe('');
      await page.close();
    });

    it('does not say that it lends when the gateway asks once more while it says goodbye', async () => {
      const page = await browser.newPage();
      let asked: string | Buffer = '';
      await page.routeWebSocket('**/graphql', (socket) => {
        const server = socket.connectToServer();
        server.onMessage((message) => {
          if (message.includes('"workerCommands"')) asked = message;
          socket.send(message);
        });
        socket.onMessage((message) => {
          if (message.includes('"leaving":true')) socket.send(asked);
          server.send(message);
        });
      });
      await page.goto(workerPage(new URL(gateway.url).origin));
      await untilBrowsers(1);
      await page.getByText('Lent. Thank you.').waitFor();
      await page.getByRole('button', { name: 'Stop' }).click();
      await untilBrowsers(0);
      expect(asked).not.toBe('');
      expect(await page.textContent('#status')).toBe('Not lent.');
      await page.close();
    });

    it('is told when its key is wrong', async () => {
      const page = await browser.newPage();
      await page.goto(`${new URL(gateway.url).origin}/worker/#key=wrong`);
      await page.getByText('The worker key is not right').waitFor();
      expect(await browsers()).toEqual([]);
      await page.close();
    });

    it('loses nothing when the network goes in the middle of an answer and comes back', async () => {
      const network = await brokenNetwork(Number(new URL(gateway.url).port));
      try {
        await lend(network.origin);
        // Long enough to be cut in the middle, however fast this machine is.
        const long = {
          maxTokens: null,
          jsonSchema: { type: 'array', minItems: 300, items: { type: 'integer' } },
        };
        const whole = textOf(await generate(long));
        let cutAt = 0;
        const events: TestEvent[] = [];
        const client = gateway.client();
        await new Promise<void>((resolve, reject) => {
          client.subscribe<{ generate: TestEvent }>(
            { query: GENERATE, variables: input(long) },
            {
              next: ({ data }) => {
                if (!data) return;
                events.push(data.generate);
                if (data.generate.__typename !== 'TokenChunk' || cutAt > 0) return;
                cutAt = performance.now();
                network.cut();
                setTimeout(() => network.mend(), 10_000);
              },
              error: reject,
              complete: resolve,
            },
          );
        });
        await client.dispose();
        expect(performance.now() - cutAt).toBeGreaterThan(9000);
        expect(events.at(-1)!.__typename).toBe('GenerationCompleted');
        expect(textOf(events)).toBe(whole);
        expect(await browsers()).toHaveLength(1);
        // It also takes orders again.
        expect(textOf(await generate())).not.toBe('');
      } finally {
        network.close();
      }
    });

    it('comes back by itself after the gateway was restarted, as another worker', async () => {
      const network = await brokenNetwork(Number(new URL(gateway.url).port));
      try {
        const page = await lend(network.origin);
        expect(textOf(await generate())).not.toBe('');
        await gateway.stop('SIGKILL');
        gateway = await startGateway([], { MIXGATE_WORKER_KEY: WORKER_KEY });
        network.target(Number(new URL(gateway.url).port));
        await untilBrowsers(1);
        expect(textOf(await generate())).not.toBe('');
        await page.close();
      } finally {
        network.close();
      }
    });

    it('that is closed in the middle of an answer ends it with a code, and only that', async () => {
      const page = await lend();
      const running = generate({
        maxTokens: null,
        jsonSchema: { type: 'array', minItems: 400, items: { type: 'integer' } },
      });
      const other = generate({ backend: 'llama-cpp', maxTokens: 100 });
      while ((await page.textContent('#tokens')) === '0') await delay(10);
      await page.close();
      expect((await running).at(-1)).toMatchObject({
        __typename: 'GenerationFailed',
        error: { code: 'BACKEND_CRASHED' },
      });
      expect((await other).at(-1)).toMatchObject({ __typename: 'GenerationCompleted' });
    });

    it('that is killed is given up after its lease', async () => {
      await gateway.stop();
      gateway = await startGateway(['--worker-lease-ms', '2000'], { MIXGATE_WORKER_KEY: WORKER_KEY });
      const victim = await startBrowser();
      const page = await victim.newPage();
      await page.goto(workerPage(new URL(gateway.url).origin));
      await untilBrowsers(1);
      const session = await victim.newBrowserCDPSession();
      session.send('Browser.crash').catch(() => undefined);
      await untilBrowsers(0);
      await victim.close().catch(() => undefined);
    });

    it('that falls asleep in the middle of an answer is given up, and comes back when it wakes', async () => {
      await gateway.stop();
      gateway = await startGateway(['--worker-lease-ms', '3000'], { MIXGATE_WORKER_KEY: WORKER_KEY });
      const own = await startBrowser();
      const page = await own.newPage();
      await page.goto(workerPage(new URL(gateway.url).origin));
      await untilBrowsers(1);
      const running = generate({
        maxTokens: null,
        jsonSchema: { type: 'array', minItems: 400, items: { type: 'integer' } },
      });
      while ((await page.textContent('#tokens')) === '0') await delay(10);
      // As when the lid is closed.
      const tabs = await processes(own, 'renderer');
      for (const tab of tabs) process.kill(tab, 'SIGSTOP');
      expect((await running).at(-1)).toMatchObject({ error: { code: 'BACKEND_CRASHED', retryable: true } });
      await untilBrowsers(0);
      for (const tab of tabs) process.kill(tab, 'SIGCONT');
      await untilBrowsers(1);
      expect(textOf(await generate())).not.toBe('');
      await own.close();
    });

    it('before it has sent anything gives way to what is left', async () => {
      const page = await lend();
      // It takes the command and never answers.
      await page.evaluate(() => {
        for (let until = Date.now() + 500; Date.now() < until;);
      });
      const network = generate({ backend: null });
      await delay(50);
      await page.close();
      expect((await network).at(-1)).toMatchObject({ __typename: 'GenerationCompleted' });
    });
  });

describe('a worker that lies', () => {
  let worker: LyingWorker;
  beforeEach(async () => {
    worker = new LyingWorker(gateway);
    await worker.join();
  });
  afterEach(() => worker.leave());

  const end = (id: string, completionTokens: number) => ({
    type: 'end',
    id,
    reason: 'MAX_TOKENS',
    usage: { promptTokens: 1, cachedPromptTokens: 0, completionTokens },
    timings: { sample: null, promptEval: { ms: 1, count: 1 }, eval: { ms: 1, count: 1 } },
  });

  it.each([
    ['reports on a job that it never had', () => [{ type: 'part', id: '999', text: 'x', tokens: 1 }]],
    [
      'sends more tokens than it was asked for',
      (id: string) => [{ type: 'part', id, text: 'x', tokens: 1000 }],
    ],
    [
      'sends more text than tokens can be',
      (id: string) => [{ type: 'part', id, text: 'x'.repeat(1e6), tokens: 1 }],
    ],
    ['counts other tokens than it sent', (id: string) => [end(id, 7)]],
    [
      'sends text without tokens',
      (id: string) =>
        Array.from({ length: 50 }, () => ({ type: 'part', id, text: 'x'.repeat(1000), tokens: 0 })),
    ],
    ['answers with what answers something else', (id: string) => [{ type: 'progress', id, fraction: 1 }]],
    [
      'tells what it holds likely, which nobody asked it',
      (id: string) => [{ type: 'predicted', id, reason: 'COMPLETED', candidates: [] }],
    ],
    [
      'tells of devices that cannot be',
      () => [{ type: 'device', id: 'register', runtimeVersion: 'x', mathCores: 1, devices: [] }],
    ],
    ['sends what is no report', (id: string) => [{ type: 'part', id, text: 5 }]],
  ])('and %s is given up; its answer ends with a code', async (_what, reports) => {
    const running = generate({ maxTokens: 5 });
    await worker.load();
    const { id } = await worker.command('start');
    await worker.report([{ type: 'part', id, text: 'so far', tokens: 1 }]);
    const { errors } = await worker.report(reports(id));
    expect(errors![0]!.extensions.code).toBe('BACKEND_CRASHED');
    const events = await running;
    // Of what came with it, no more than tokens can hold.
    expect(textOf(events)).toMatch(/^so far/);
    expect(textOf(events).length).toBeLessThan(4096);
    expect(events.at(-1)).toMatchObject({ error: { code: 'BACKEND_CRASHED' } });
    await untilBrowsers(0);
    expect((await generate({ backend: 'llama-cpp' })).at(-1)!.__typename).toBe('GenerationCompleted');
  });

  it('and names tokens that no vocabulary has leaves a comparison without candidates, and no more', async () => {
    const lanes = ['webgpu', 'llama-cpp'].map((backend) => ({ model: DEMO, quantization: 'Q8_0', backend }));
    const running = compare(gateway, { prompt: { text: 'Hello' }, maxTokens: 2, lanes, schedule: 'IN_TURN' });
    await worker.load();
    const { id } = await worker.command('start');
    await worker.report([{ type: 'part', id, text: '?', tokens: 2, tokenIds: [1e9, 1e9] }, end(id, 2)]);
    const ended = (await running).at(-1)!.comparison!.lanes;
    expect(ended.map(({ generation }) => generation.state)).toEqual(['COMPLETED', 'COMPLETED']);
    expect(ended[1]!.divergence).toMatchObject({ firstDifferentToken: 0, candidates: null });
    await expect.poll(() => gateway.stderr()).toMatch(/comparison.noCandidates.*\n?.*INVALID_INPUT/);
  });

  it('cannot leave a report out, and may send one twice', async () => {
    const running = generate({ maxTokens: 2 });
    await worker.load();
    const { id } = await worker.command('start');
    const part = { type: 'part', id, text: 'once ', tokens: 1 };
    await worker.report([part], { first: 2 });
    expect((await worker.report([part], { first: 2 })).data).toEqual({ workerReports: 2 });
    await worker.report([part, end(id, 2)], { first: 3 });
    const events = await running;
    expect(textOf(events)).toBe('once once ');
    expect((await worker.report([part], { first: 99 })).errors![0]!.extensions.code).toBe('BACKEND_CRASHED');
    await untilBrowsers(0);
  });

  it('reaches nothing without the key, and no other worker with it', async () => {
    const refused = await worker.report([], { key: 'wrong-wrong-wrong-wrong' });
    expect(refused.errors![0]!.extensions.code).toBe('UNAUTHENTICATED');
    expect((await worker.report([], { worker: 'nobody' })).errors![0]!.extensions.code).toBe('NOT_FOUND');
    expect(await browsers()).toHaveLength(1);
  });

  it('that answers a load with what ends an answer is given up at once', async () => {
    const running = generate();
    const { id } = await worker.command('load');
    expect((await worker.report([end(id, 0)])).errors![0]!.extensions.code).toBe('BACKEND_CRASHED');
    expect((await running).at(-1)).toMatchObject({ error: { code: 'BACKEND_CRASHED' } });
  });

  it('cannot become another worker by what everybody can see', async () => {
    const { data } = await gateway.query<{ devices: { id: string }[] }>('{ devices { id } }');
    const [, seen] = data.devices
      .map(({ id }) => id)
      .find((id) => id.startsWith('webgpu:'))!
      .split(':');
    expect((await worker.report([], { worker: seen! })).errors![0]!.extensions.code).toBe('NOT_FOUND');
  });

  it('with an error of its own ends the answer with it', async () => {
    const running = generate();
    await worker.load();
    const { id } = await worker.command('start');
    await worker.report([
      { type: 'part', id, text: 'x', tokens: 1 },
      { type: 'error', id, error: { code: 'DEVICE_LOST', message: 'The GPU was lost.' } },
    ]);
    expect((await running).at(-1)).toMatchObject({ error: { code: 'DEVICE_LOST' } });
  });
});

describe('weights', () => {
  it('are only to be had under the address that a worker was given, while it loads', async () => {
    const worker = new LyingWorker(gateway);
    await worker.join();
    const running = generate({ maxTokens: 1 });
    const { id, files, slots, contextSize } = await worker.command('load');
    const url = new URL(files![0]!.url, gateway.url);
    const part = await fetch(url, { headers: { range: 'bytes=0-3' } });
    expect([part.status, await part.text()]).toEqual([206, 'GGUF']);
    expect((await fetch(new URL(`/weights/${'0'.repeat(43)}/resolve/main/a.gguf`, gateway.url))).status).toBe(
      404,
    );
    await worker.report([
      { type: 'loaded', id, contextSize, slots, verifiedBytes: null, measuredBytes: null },
    ]);
    await worker.command('start');
    expect((await fetch(url)).status).toBe(404);
    await worker.leave();
    void running.catch(() => undefined);
  });
});

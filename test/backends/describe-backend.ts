import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend, GenerationPart, Resident, RunRequest } from '../../src/backends/backend.ts';
import type { DeviceKind } from '../../src/routing/device.ts';
import { supervise } from '../../src/backends/supervise.ts';
import { GREEDY } from '../support/greedy.ts';

export interface BackendUnderTest {
  readonly backend: Backend;
  /** A model that goes on until it is stopped when greedy, given `endlessRequest`. */
  readonly path: string;
  readonly brokenPath: string;
  readonly endless: Partial<RunRequest>;
  /** Tokens that may still come after an abort: what was on its way, 8 where left out. */
  readonly mostAfterAbort?: number;
  /** That the model runs at once; 2 where left out. */
  readonly slots?: number;
  /** The device that it runs on; the CPU where left out. */
  readonly deviceKind?: DeviceKind;
  /** Does to the resident's runtime what kill -9 does. */
  crash(): void | Promise<void>;
}

const REQUEST: RunRequest = {
  prompt: {
    messages: [
      { role: 'user', content: 'Alas, a wild unicorn is approaching! As a llama, what should I do?' },
    ],
  },
  sampling: GREEDY,
  contextSize: 512,
  maxTokens: 6,
  stop: [],
  jsonSchema: null,
};

/** The suite that every backend must pass, the fake one included. */
export function describeBackend(name: string, make: () => BackendUnderTest): void {
  describe(`backend ${name}`, () => {
    let under: BackendUnderTest;
    let backend: Backend;
    let resident: Resident;
    beforeAll(async () => {
      under = make();
      backend = supervise(under.backend);
      resident = await load();
    });
    afterAll(() => backend.dispose());

    const slots = () => under.slots ?? 2;
    const load = async (path = under.path, signal?: AbortSignal, onProgress?: (fraction: number) => void) => {
      const { devices } = await backend.describe();
      const deviceId = devices.find(({ kind }) => kind === (under.deviceKind ?? 'CPU'))!.id;
      const request = {
        path,
        deviceId,
        gpuLayers: 0,
        contextSize: 512,
        slots: slots(),
        kvCacheType: 'F16',
        batchSize: 512,
        budgetBytes: null,
        hostLimitBytes: null,
        chatTemplate: null,
      } as const;
      return backend.load(request, { signal, onProgress });
    };
    const run = async (change: Partial<RunRequest> = {}, signal = new AbortController().signal) => {
      const parts: GenerationPart[] = [];
      for await (const part of resident.generate({ ...REQUEST, ...change }, signal)) parts.push(part);
      return parts;
    };
    const textOf = (parts: GenerationPart[]) =>
      parts.map((part) => (part.type === 'text' ? part.text : '')).join('');

    it('describes itself with devices and their memory', async () => {
      const status = await backend.describe();
      expect(status).toMatchObject({ available: true, unavailableReason: null });
      expect(status.version).toBeTruthy();
      for (const device of status.devices) {
        expect(device.backendId).toBe(backend.id);
        expect(device.memoryFreeBytes).toBeGreaterThan(0);
        expect(device.memoryFreeBytes).toBeLessThanOrEqual(device.memoryTotalBytes);
      }
    });

    it('loads just what was asked for, with progress that never falls', async () => {
      const fractions: number[] = [];
      const loaded = await load(under.path, undefined, (fraction) => fractions.push(fraction));
      expect(loaded.slots).toBe(slots());
      expect(loaded.contextSize).toBeGreaterThanOrEqual(512);
      expect(fractions.at(-1)).toBe(1);
      expect(fractions).toEqual(fractions.toSorted((a, b) => a - b));
      await loaded.unload();
      await loaded.unload();
      expect(await loaded.gone).toBeNull();
    });

    it('refuses a file that is no model with a typed error', async () => {
      await expect(load(under.brokenPath)).rejects.toMatchObject({ code: 'VARIANT_NOT_AVAILABLE' });
    });

    it('does not load what was cancelled before', async () => {
      await expect(load(under.path, AbortSignal.abort())).rejects.toThrow();
    });

    it('ends a stream with exactly one end part that counts what was sent', async () => {
      const parts = await run();
      expect(parts.filter(({ type }) => type === 'end')).toHaveLength(1);
      const tokens = parts.reduce((total, part) => total + (part.type === 'text' ? part.tokens : 0), 0);
      expect(parts.at(-1)).toMatchObject({
        type: 'end',
        reason: 'MAX_TOKENS',
        usage: { completionTokens: 6 },
      });
      expect(tokens).toBe(6);
    });

    it('answers the same to the same', async () => {
      expect(textOf(await run())).toBe(textOf(await run()));
    });

    it('gives no token when none is asked for', async () => {
      expect(await run({ maxTokens: 0 })).toMatchObject([{ type: 'end', reason: 'MAX_TOKENS' }]);
    });

    it('ends when the context is full', async () => {
      const parts = await run({ ...under.endless, maxTokens: null, contextSize: 64 });
      expect(parts.at(-1)).toMatchObject({ reason: 'CONTEXT_FULL' });
    });

    it('refuses a prompt longer than the context', async () => {
      await expect(run({ prompt: { text: 'word '.repeat(3000) } })).rejects.toMatchObject({
        code: 'CONTEXT_OVERFLOW',
      });
    });

    it('stops within one token of an abort, and the slot is free again', async () => {
      for (let time = 0; time < 5; time++) {
        const controller = new AbortController();
        const parts: GenerationPart[] = [];
        let afterAbort = 0;
        for await (const part of resident.generate(
          { ...REQUEST, ...under.endless, maxTokens: null },
          controller.signal,
        )) {
          parts.push(part);
          if (part.type === 'text' && controller.signal.aborted) afterAbort += part.tokens;
          if (parts.length === 2) controller.abort();
        }
        expect(parts.at(-1)).toMatchObject({ type: 'end', reason: 'CANCELLED' });
        // Besides the one token being decoded: what the runtime had sent before the abort reached it.
        expect(afterAbort).toBeLessThanOrEqual(under.mostAfterAbort ?? 8);
      }
      expect((await run()).at(-1)).toMatchObject({ reason: 'MAX_TOKENS' });
    });

    it('frees the slot of a reader that just leaves', async () => {
      for (let time = 0; time < 4; time++) {
        const stream = resident.generate(
          { ...REQUEST, ...under.endless, maxTokens: null },
          new AbortController().signal,
        );
        for await (const part of stream) if (part.type === 'text') break;
      }
      expect((await run()).at(-1)).toMatchObject({ reason: 'MAX_TOKENS' });
    });

    it('runs its slots side by side', async () => {
      const alone = textOf(await run());
      const beside = await Promise.all(Array.from({ length: slots() }, () => run()));
      expect(beside.map(textOf)).toEqual(beside.map(() => alone));
    });

    it('never runs more than its slots', async () => {
      const endless = { ...REQUEST, ...under.endless, maxTokens: null };
      const controller = new AbortController();
      const streams = Array.from({ length: slots() }, () =>
        resident.generate(endless, controller.signal)[Symbol.asyncIterator](),
      );
      await Promise.all(streams.map((stream) => stream.next()));
      await expect(run()).rejects.toMatchObject({ code: 'INTERNAL' });
      controller.abort();
      await Promise.all(streams.map(async (stream) => stream.return?.()));
    });

    it('fails what runs with BACKEND_CRASHED when the runtime dies, and can load again', async () => {
      const parts: GenerationPart[] = [];
      const dying = (async () => {
        const request = { ...REQUEST, ...under.endless, maxTokens: null };
        for await (const part of resident.generate(request, new AbortController().signal)) {
          parts.push(part);
          if (parts.length === 1) await under.crash();
        }
      })();
      await expect(dying).rejects.toMatchObject({ code: 'BACKEND_CRASHED' });
      expect(await resident.gone).toMatchObject({ code: 'BACKEND_CRASHED' });
      resident = await load();
      expect((await run()).at(-1)).toMatchObject({ reason: 'MAX_TOKENS' });
    });
  });
}

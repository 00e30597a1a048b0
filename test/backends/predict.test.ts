import path from 'node:path';
import type { Token } from 'node-llama-cpp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PredictEnd, PredictRequest, Resident } from '../../src/backends/backend.ts';
import type { Channel, OnReport } from '../../src/backends/channel.ts';
import { predictOver } from '../../src/backends/channel-predict.ts';
import { reportSchema, type Report } from '../../src/protocol/frames.ts';
import { cpuBackend } from '../support/cpu-backend.ts';
import { probabilitiesAfter, withBareModel } from '../support/bare-llama.ts';
import { GREEDY } from '../support/greedy.ts';
import { ownRunners } from '../support/processes.ts';

const root = path.resolve(import.meta.dirname, '../..');
const WEIGHTS = path.join(root, 'models/demo/tiny-mixtral-8x2M.Q4_K_M.gguf');
const prompt = { text: 'Alas, a wild unicorn is approaching! As a llama, I' };
/** Many batches. */
const long = Array<number>(450).fill(5);
const never = new AbortController().signal;

const backend = cpuBackend();
let resident: Resident;
const load = async () => {
  const { devices } = await backend.describe();
  return backend.load(
    {
      ...{ path: WEIGHTS, deviceId: devices[0]!.id, gpuLayers: 0, contextSize: 512, slots: 2 },
      ...{ kvCacheType: 'F16', batchSize: 32, budgetBytes: null, hostLimitBytes: null, chatTemplate: null },
    },
    {},
  );
};
beforeAll(async () => {
  resident = await load();
});
afterAll(() => backend.dispose());

async function predict(change: Partial<PredictRequest> = {}, signal = never): Promise<PredictEnd> {
  const request = { prompt, tokens: [], contextSize: 512, count: 10, always: [], ...change };
  const parts: PredictEnd[] = [];
  for await (const part of resident.predict!(request, signal)) parts.push(part);
  expect(parts).toHaveLength(1);
  return parts[0]!;
}

/** The answer, token by token. */
async function generate(maxTokens: number) {
  const request = { prompt, sampling: GREEDY, contextSize: 512, maxTokens, stop: [], jsonSchema: null };
  const answer = { text: '', tokens: [] as number[] };
  for await (const part of resident.generate(request, never)) {
    if (part.type !== 'text') continue;
    answer.text += part.text;
    answer.tokens.push(...part.tokenIds!);
  }
  return answer;
}

describe('what a model holds likely next', () => {
  it('is what it then says when greedy, token for token', async () => {
    const { text, tokens } = await generate(12);
    let written = '';
    for (const [index, token] of tokens.entries()) {
      const { reason, candidates } = await predict({ tokens: tokens.slice(0, index) });
      expect(reason).toBe('COMPLETED');
      expect(candidates).toHaveLength(10);
      expect(candidates[0]!.token).toBe(token);
      written += candidates[0]!.text;
      const probabilities = candidates.map(({ probability }) => probability);
      expect(probabilities).toEqual(probabilities.toSorted((a, b) => b - a));
      expect(probabilities.reduce((sum, each) => sum + each)).toBeLessThanOrEqual(1 + 1e-9);
    }
    expect(written).toBe(text);
  });

  it('is what llama.cpp computes by itself from nothing', async () => {
    const { tokens } = await generate(6);
    const { candidates } = await predict({ tokens, count: 20 });
    const expected = await withBareModel(WEIGHTS, async ({ sequence, tokenize }) => [
      ...(await probabilitiesAfter(sequence, [...tokenize(prompt.text), ...(tokens as Token[])])),
    ]);
    expect(candidates.map(({ token }) => token)).toEqual(expected.slice(0, 20).map(([token]) => token));
    for (const [index, { probability }] of candidates.entries())
      expect(probability).toBeCloseTo(expected[index]![1], 4);
  });

  it('names what is asked for however unlikely, and special tokens as they are spelt', async () => {
    const { candidates } = await predict({ count: 1, always: [2, 0, 2] });
    expect(candidates).toHaveLength(3);
    expect(candidates.find(({ token }) => token === 2)!.text).toBe('</s>');
    const again = await predict({ count: 1, always: [candidates[0]!.token] });
    expect(again.candidates).toEqual([candidates[0]]);
  });

  it('does not depend on what a slot has in its cache', async () => {
    const { tokens } = await generate(8);
    const [warm] = [await predict({ tokens: tokens.slice(0, 4) })];
    await Promise.all(['Once', 'Never'].map((text) => predict({ prompt: { text } })));
    const cold = await predict({ tokens: tokens.slice(0, 4) });
    expect(cold.candidates.map(({ token }) => token)).toEqual(warm.candidates.map(({ token }) => token));
    for (const [index, { probability }] of cold.candidates.entries())
      expect(probability).toBeCloseTo(warm.candidates[index]!.probability, 4);
  });

  it.each([
    ['INVALID_INPUT', { always: [10 ** 6] }],
    ['INVALID_INPUT', { tokens: [1, 10 ** 6] }],
    ['CONTEXT_OVERFLOW', { tokens: Array<number>(600).fill(1) }],
    ['CONTEXT_OVERFLOW', { contextSize: 4 }],
  ])('is refused with %s for %j', async (code, change) => {
    await expect(predict(change)).rejects.toMatchObject({ code });
    expect((await predict()).reason).toBe('COMPLETED');
  });

  it('is not told where it was cancelled, and the slot is free again', async () => {
    for (let time = 0; time < 3; time++)
      expect(await predict({ tokens: long }, AbortSignal.abort())).toEqual({
        type: 'end',
        reason: 'CANCELLED',
        candidates: [],
      });
    expect((await generate(3)).tokens).toHaveLength(3);
  });

  it('fails with BACKEND_CRASHED when the runner is killed meanwhile', async () => {
    const asked = predict({ tokens: long });
    for (const pid of ownRunners()) process.kill(pid, 'SIGKILL');
    await expect(asked).rejects.toMatchObject({ code: 'BACKEND_CRASHED' });
    await resident.gone;
    resident = await load();
    expect((await predict()).reason).toBe('COMPLETED');
  });
});

describe('what a runtime says of it', () => {
  /** Answers with a report, whatever it is asked. */
  const answering = (answer: object): Channel => ({
    open: (_command, onReport: OnReport) => {
      queueMicrotask(() => onReport({ id: '1', ...answer } as Report));
      return '1';
    },
    send: () => undefined,
  });
  const ask = async (answer: object) => {
    const request = { prompt, tokens: [], contextSize: 512, count: 2, always: [7] };
    for await (const part of predictOver(answering(answer), 'r', request, never)) return part;
    return null;
  };
  const predicted = (...candidates: [token: number, probability: number][]) => ({
    type: 'predicted',
    reason: 'COMPLETED',
    candidates: candidates.map(([token, probability]) => ({ token, text: 'x', probability })),
  });

  it('is taken where it is what was asked for', async () => {
    expect(await ask(predicted([1, 0.5], [2, 0.3], [7, 0]))).toMatchObject({ reason: 'COMPLETED' });
    expect(await ask(predicted([7, 0.5], [2, 0.3]))).toMatchObject({ reason: 'COMPLETED' });
  });

  it.each([
    ['leaves out a token', predicted([1, 0.5], [2, 0.3])],
    ['has more than were asked for', predicted([1, 0.3], [2, 0.2], [3, 0.1], [7, 0.1])],
    ['has one twice', predicted([1, 0.3], [1, 0.3], [7, 0.1])],
    ['is in no order', predicted([1, 0.1], [2, 0.3], [7, 0.1])],
    ['is more than everything', predicted([1, 0.9], [7, 0.2])],
    ['answers something else', { type: 'scored', reason: 'COMPLETED', tokens: 1 }],
  ])('is refused where it %s', async (_what, answer) => {
    await expect(ask(answer)).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  it.each([
    ['a probability above 1', { token: 1, text: 'x', probability: 1.5 }],
    ['a negative one', { token: 1, text: 'x', probability: -0.1 }],
    ['one that is no number', { token: 1, text: 'x', probability: NaN }],
    ['a token that is none', { token: -1, text: 'x', probability: 0.5 }],
    ['an endless text', { token: 1, text: 'x'.repeat(201), probability: 0.5 }],
  ])('does not parse with %s', (_what, candidate) => {
    const report = { type: 'predicted', id: '1', reason: 'COMPLETED', candidates: [candidate] };
    expect(reportSchema.safeParse(report).success).toBe(false);
    expect(reportSchema.safeParse({ ...report, candidates: [] }).success).toBe(true);
  });
});

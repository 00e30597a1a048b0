import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { cpuBackend } from '../support/cpu-backend.ts';
import { GREEDY } from '../support/greedy.ts';

const root = path.resolve(import.meta.dirname, '../..');
const WEIGHTS = path.join(root, 'models/demo/tiny-mixtral-8x2M.Q2_K.gguf');
const MESSAGES = { messages: [{ role: 'user' as const, content: 'Hello' }] };
/** More than would be done in a year, without any memory. */
const FOREVER =
  '{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}'.repeat(2) + '{% endfor %}'.repeat(2);

const backend = cpuBackend();
afterAll(() => backend.dispose());

async function answersOf(chatTemplate: string) {
  const { devices } = await backend.describe();
  const resident = await backend.load(
    {
      ...{ path: WEIGHTS, deviceId: devices[0]!.id, gpuLayers: 0, contextSize: 512, slots: 2, chatTemplate },
      ...{ kvCacheType: 'F16', batchSize: 512, budgetBytes: null, hostLimitBytes: null },
    },
    {},
  );
  return async (prompt: typeof MESSAGES | { text: string }): Promise<string> => {
    const request = { prompt, sampling: GREEDY, contextSize: 512, maxTokens: 8, stop: [], jsonSchema: null };
    let answer = '';
    for await (const part of resident.generate(request, new AbortController().signal))
      if (part.type === 'text') answer += part.text;
    return answer;
  };
}

describe('a chat template', () => {
  it.each([
    ['never ends', FOREVER, /was not done after 5 s/],
    ['is none', '{% for %}', /refuses these messages/],
    ['refuses what it gets', "{{ raise_exception('roles must alternate') }}", /roles must alternate/],
    ['nests without end', `{{ ${'('.repeat(50_000)}1${')'.repeat(50_000)} }}`, /refuses these messages/],
  ])('that %s is refused, and the model goes on answering', async (_, template, message) => {
    const answer = await answersOf(template);
    await expect(answer(MESSAGES)).rejects.toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', message: expect.stringMatching(message) as string }),
    );
    expect(await answer({ text: 'Alas, a wild unicorn' })).not.toBe('');
  });
});

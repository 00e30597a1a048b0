import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEMO, GENERATE, startGateway, UNICORN, textOf, type TestGateway } from '../support/gateway.ts';

interface Message {
  readonly role: string;
  readonly content: string;
}

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.stop());

async function answer(messages: readonly Message[], input: object = {}) {
  const events = await gateway.subscribe<'generate'>(GENERATE, {
    input: { model: DEMO, prompt: { messages }, ...input },
  });
  const list = events.map(({ generate }) => generate);
  return { text: textOf(list), usage: list.at(-1)!.usage! };
}

describe('slots', () => {
  it('read of each prompt of a 20-turn chat only what is new, beside other chats', async () => {
    const chat = async (greeting: string) => {
      const messages: Message[] = [];
      let known = 0;
      for (let turn = 0; turn < 20; turn++) {
        messages.push({ role: 'USER', content: `${greeting} ${turn}` });
        const { text, usage } = await answer(messages, { maxTokens: 6, sampling: { seed: turn } });
        messages.push({ role: 'ASSISTANT', content: text });
        // What was read and written before is there; where the answer was cut, its last tokens may be read again.
        expect(usage.cachedPromptTokens).toBeGreaterThanOrEqual(known - 3);
        expect(usage.promptTokens - usage.cachedPromptTokens).toBeLessThan(40);
        known = usage.promptTokens + usage.completionTokens - 1;
      }
    };
    await Promise.all([chat('Hello'), chat('Once upon a time'), chat('Tell me more')]);
  });
});

describe('the same seed', () => {
  it('gives the same text alone, again, after others and beside others', async () => {
    const ask = async (content: string, seed: number) =>
      (await answer([{ role: 'USER', content }], { sampling: { seed, temperature: 0.9 } })).text;
    const alone = await ask(UNICORN, 7);
    expect(await ask(UNICORN, 7)).toBe(alone);
    await ask('Write a story about a king.', 1);
    expect(await ask(UNICORN, 7)).toBe(alone);
    for (let round = 0; round < 4; round++) {
      const others = ['Hello', 'Write a story about a fox.', 'List three animals.'].map((text) =>
        ask(text, round),
      );
      expect(await ask(UNICORN, 7)).toBe(alone);
      await Promise.all(others);
    }
    expect(await ask(UNICORN, 8)).not.toBe(alone);
  });
});

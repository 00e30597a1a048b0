import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isFinal, readAndDrop } from '../support/follow.ts';
import { DEMO, startGateway, UNICORN, type TestEvent, type TestGateway } from '../support/gateway.ts';

const GENERATE = `subscription ($input: GenerateInput!, $minIntervalMs: Int) {
  generate(input: $input, minIntervalMs: $minIntervalMs) { __typename ... on TokenChunk { text } } }`;
const START = 'mutation ($input: GenerateInput!) { startGeneration(input: $input) { id } }';
let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.stop());

interface Turn {
  readonly limit: number;
  readonly pauseMs: number;
  readonly minIntervalMs: number;
}

/** Follows to the end over as many sockets as it takes. */
async function follow(id: string, turns: readonly Turn[]): Promise<TestEvent[]> {
  const seen: TestEvent[] = [];
  for (let turn = 0; !isFinal(seen.at(-1)); turn++) {
    const after = seen.at(-1)?.sequence ?? 0;
    seen.push(...(await readAndDrop(gateway, { id, after, ...turns[turn % turns.length]! })));
  }
  return seen;
}

describe('generationEvents', () => {
  it('gives every subscriber exactly the text, whatever is dropped, slow or late', async () => {
    const turn = fc.record({
      limit: fc.integer({ min: 1, max: 60 }),
      pauseMs: fc.constantFrom(0, 0, 1, 5),
      minIntervalMs: fc.constantFrom(0, 0, 33),
    });
    const subscriber = fc.record({
      turns: fc.array(turn, { minLength: 1, maxLength: 5 }),
      lateMs: fc.nat(300),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(subscriber, { minLength: 1, maxLength: 6 }), async (subscribers) => {
        const input = {
          model: DEMO,
          prompt: { messages: [{ role: 'USER', content: UNICORN }] },
          onDisconnect: 'CONTINUE',
        };
        const { data } = await gateway.query<{ startGeneration: { id: string } }>(START, { input });
        const { id } = data.startGeneration;
        const readings = await Promise.all(
          subscribers.map(async ({ turns, lateMs }) => {
            await new Promise((resolve) => setTimeout(resolve, lateMs));
            return follow(id, turns);
          }),
        );
        const answer = await gateway.query<{ generation: { text: string; lastSequence: number } }>(
          'query ($id: ID!) { generation(id: $id) { text lastSequence } }',
          { id },
        );
        const { text, lastSequence } = answer.data.generation;
        expect(text.length).toBeGreaterThan(0);
        for (const events of readings) {
          expect(events.map((event) => event.text ?? '').join('')).toBe(text);
          const last = events.reduce((before, { firstSequence, sequence }) => {
            expect(firstSequence).toBe(before + 1);
            return sequence;
          }, 0);
          expect(last).toBe(lastSequence);
        }
      }),
      { numRuns: 15 },
    );
  });

  it('brings tokens as seldom as it is asked to', async () => {
    const prompt = { messages: [{ role: 'USER', content: UNICORN }] };
    const input = { model: DEMO, prompt, sampling: { temperature: 0 } };
    const answers = await Promise.all(
      [0, 1000].map(async (minIntervalMs) => {
        const events = await gateway.subscribe<'generate'>(GENERATE, { input, minIntervalMs });
        return events.flatMap(({ generate: { text } }) => text ?? []);
      }),
    );
    const [each, few] = answers;
    expect(few!.join('')).toBe(each!.join(''));
    expect(few!.length).toBeLessThanOrEqual(each!.length / 4);
  });

  it.each([-1, 1001])('refuses to look every %s ms, and starts nothing', async (minIntervalMs) => {
    const input = { model: DEMO, prompt: { text: 'Once upon a time' } };
    const newest = () => gateway.query('{ generations(first: 1) { edges { cursor } } }');
    const before = await newest();
    await expect(gateway.subscribe(GENERATE, { input, minIntervalMs })).rejects.toMatchObject({
      errors: [{ extensions: { code: 'INVALID_INPUT' } }],
    });
    expect(await newest()).toEqual(before);
  });
});

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isFinal, readAndDrop } from '../support/follow.ts';
import { DEMO, startGateway, UNICORN, type TestEvent, type TestGateway } from '../support/gateway.ts';

const START = 'mutation ($input: GenerateInput!) { startGeneration(input: $input) { id } }';
let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.stop());

interface Turn {
  readonly limit: number;
  readonly pauseMs: number;
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
    const turn = fc.record({ limit: fc.integer({ min: 1, max: 60 }), pauseMs: fc.constantFrom(0, 0, 1, 5) });
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
});

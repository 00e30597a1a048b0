import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { DEMO, startGateway, UNICORN, type TestEvent, type TestGateway } from '../support/gateway.ts';

const START = 'mutation ($input: GenerateInput!) { startGeneration(input: $input) { id } }';
const FOLLOW = `subscription ($id: ID!, $after: Int) { generationEvents(id: $id, after: $after) {
  __typename firstSequence sequence ... on TokenChunk { text } } }`;
const FINAL = new Set(['GenerationCompleted', 'GenerationFailed', 'GenerationCancelled']);

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.stop());

/** Reads up to `limit` events on a socket of its own, waits between them, and then drops the socket without a word. */
function readAndDrop(id: string, after: number, { limit, pauseMs }: Turn): Promise<TestEvent[]> {
  const socket = new WebSocket(gateway.url.replace('http', 'ws'), 'graphql-transport-ws');
  const events: TestEvent[] = [];
  return new Promise((resolve, reject) => {
    const drop = () => {
      socket.terminate();
      resolve(events);
    };
    socket.once('error', reject);
    socket.on('open', () => socket.send('{"type":"connection_init"}'));
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as {
        type: string;
        payload: { data: { generationEvents: TestEvent } };
      };
      if (message.type === 'connection_ack') {
        const payload = { query: FOLLOW, variables: { id, after } };
        socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload }));
      }
      if (message.type === 'complete') return drop();
      if (message.type !== 'next' || events.length >= limit) return;
      const event = message.payload.data.generationEvents;
      events.push(event);
      if (events.length >= limit || FINAL.has(event.__typename)) return drop();
      if (pauseMs === 0) return;
      socket.pause();
      setTimeout(() => socket.resume(), pauseMs);
    });
  });
}

interface Turn {
  readonly limit: number;
  readonly pauseMs: number;
}

/** Follows to the end over as many sockets as it takes. */
async function follow(id: string, turns: readonly Turn[]): Promise<TestEvent[]> {
  const seen: TestEvent[] = [];
  for (let turn = 0; !FINAL.has(seen.at(-1)?.__typename ?? ''); turn++)
    seen.push(...(await readAndDrop(id, seen.at(-1)?.sequence ?? 0, turns[turn % turns.length]!)));
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

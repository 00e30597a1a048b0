import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ComparisonLog, type ComparisonEvent } from '../../src/generation/comparison/comparison-log.ts';
import type { GenerationEvent, GenerationHappening } from '../../src/generation/events.ts';

const never = new AbortController().signal;

/** Numbers a lane's events, as its own log does. */
function lane(index: number) {
  let sequence = 0;
  return (happening: GenerationHappening): GenerationEvent => ({
    ...happening,
    generationId: `g-${index}`,
    firstSequence: ++sequence,
    sequence,
  });
}
const chunk = (text: string): GenerationHappening => ({ type: 'TokenChunk', text, tokens: 1 });
const loading: GenerationHappening = { type: 'ModelLoading', progress: 1 };
const textOf = (events: readonly ComparisonEvent[], of: number) =>
  events.map(({ lane, event }) => (lane === of && event?.type === 'TokenChunk' ? event.text : '')).join('');

async function readAll(log: ComparisonLog, after = 0): Promise<ComparisonEvent[]> {
  const events: ComparisonEvent[] = [];
  for await (const event of log.read(after, never)) events.push(event);
  return events;
}

describe('ComparisonLog', () => {
  afterEach(() => vi.useRealTimers());

  it('puts the chunks of lanes that take turns together for one who comes late', async () => {
    const log = new ComparisonLog('c');
    const [a, b] = [lane(0), lane(1)];
    for (const letter of 'abc') {
      log.append(0, a(chunk(letter)));
      log.append(1, b(chunk(letter.toUpperCase())));
    }
    log.end();
    const events = await readAll(log);
    expect(
      events.map(({ lane, event, firstSequence, sequence }) => [lane, event, firstSequence, sequence]),
    ).toMatchObject([
      [0, { text: 'abc', tokens: 3, firstSequence: 1, sequence: 3 }, 1, 1],
      [1, { text: 'ABC', tokens: 3, firstSequence: 1, sequence: 3 }, 2, 2],
      [null, null, 3, 3],
    ]);
  });

  it('gives a chunk at once to one who waits for it', async () => {
    const log = new ComparisonLog('c');
    const [a, b] = [lane(0), lane(1)];
    const reader = log.read(0, never);
    for (const [of, letter] of ['a', 'b', 'c'].entries()) {
      const next = reader.next();
      log.append(of % 2, (of % 2 === 0 ? a : b)(chunk(letter)));
      expect((await next).value).toMatchObject({ lane: of % 2, sequence: of + 1, event: { text: letter } });
    }
  });

  it('gives one who looks seldom one chunk of each lane a look', async () => {
    vi.useFakeTimers();
    const log = new ComparisonLog('c');
    const [a, b] = [lane(0), lane(1)];
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const { lane, event } of log.read(0, never, 100))
        seen.push([lane, event?.type === 'TokenChunk' ? event.text : null]);
    })();
    for (const letter of 'abcde') {
      log.append(0, a(chunk(letter)));
      log.append(1, b(chunk(letter.toUpperCase())));
      await vi.advanceTimersByTimeAsync(40);
    }
    log.end();
    await vi.advanceTimersByTimeAsync(100);
    await reading;
    expect(seen).toEqual([
      [0, 'a'],
      [1, 'ABC'],
      [0, 'bc'],
      [0, 'de'],
      [1, 'DE'],
      [null, null],
    ]);
  });

  it('keeps the order of what is no chunk', async () => {
    const log = new ComparisonLog('c');
    const [a, b] = [lane(0), lane(1)];
    log.append(0, a(chunk('a')));
    log.append(1, b(loading));
    log.append(0, a(chunk('b')));
    log.end();
    const events = await readAll(log);
    expect(events.map(({ lane, event }) => [lane, event?.type])).toEqual([
      [0, 'TokenChunk'],
      [1, 'ModelLoading'],
      [0, 'TokenChunk'],
      [null, undefined],
    ]);
  });

  it('takes nothing after the end', () => {
    const log = new ComparisonLog('c');
    log.end();
    expect(() => log.append(0, lane(0)(chunk('x')))).toThrow('has ended');
    expect(() => log.end()).toThrow('has ended');
  });

  it('gives any readers, however slow and often interrupted, exactly the texts of all lanes', async () => {
    const happening = fc.oneof(
      { weight: 8, arbitrary: fc.string({ maxLength: 3 }).map(chunk) },
      { weight: 1, arbitrary: fc.constant(loading) },
      {
        weight: 1,
        arbitrary: fc.integer({ min: 8000, max: 20_000 }).map((length) => chunk('x'.repeat(length))),
      },
    );
    const written = fc.array(fc.tuple(fc.nat({ max: 3 }), happening), { maxLength: 60 });
    const turns = fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(
        written,
        turns,
        fc.array(turns, { minLength: 1, maxLength: 4 }),
        async (all, pace, readers) => {
          const log = new ComparisonLog('c');
          const lanes = [0, 1, 2, 3].map(lane);
          const numbered = new Map<number, string>();
          const writer = (async () => {
            for (const [index, [of, each]] of all.entries()) {
              log.append(of, lanes[of]!(each));
              for (let turn = pace[index % pace.length]!; turn > 0; turn--) await Promise.resolve();
            }
            log.end();
          })();
          const readings = await Promise.all(
            readers.map(async (steps) => {
              const seen: ComparisonEvent[] = [];
              for (let round = 0; seen.at(-1)?.lane !== null; round++) {
                let left = 1 + steps[round % steps.length]!;
                for await (const event of log.read(seen.at(-1)?.sequence ?? 0, never)) {
                  seen.push(event);
                  if (event.firstSequence === event.sequence) {
                    // Once given, a number stands for the same event to everyone.
                    const json = JSON.stringify(event);
                    expect(numbered.get(event.sequence) ?? json).toBe(json);
                    numbered.set(event.sequence, json);
                  }
                  if (--left === 0) break;
                }
              }
              return seen;
            }),
          );
          await writer;
          for (const seen of readings) {
            for (const of of [0, 1, 2, 3]) {
              const own = all.filter(([index]) => index === of).map(([, each]) => each);
              expect(textOf(seen, of)).toBe(
                own.map((each) => (each.type === 'TokenChunk' ? each.text : '')).join(''),
              );
              const events = seen.flatMap(({ lane, event }) =>
                lane === of && event !== null ? [event] : [],
              );
              const last = events.reduce((before, { firstSequence, sequence }) => {
                expect(firstSequence).toBe(before + 1);
                return sequence;
              }, 0);
              expect(last).toBe(own.length);
            }
            const last = seen.reduce((before, { firstSequence, sequence }) => {
              expect(firstSequence).toBe(before + 1);
              return sequence;
            }, 0);
            expect(last).toBe(log.lastSequence);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

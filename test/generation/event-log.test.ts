import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { abortFirst } from '../../src/generation/abort-first.ts';
import { EventLog } from '../../src/generation/event-log.ts';
import type { GenerationEvent, GenerationHappening } from '../../src/generation/events.ts';

const chunk = (text: string): GenerationHappening => ({ type: 'TokenChunk', text, tokens: 1 });
const END: GenerationHappening = {
  type: 'GenerationCancelled',
  usage: { promptTokens: 0, cachedPromptTokens: 0, completionTokens: 0 },
};
const never = new AbortController().signal;
const textOf = (events: GenerationEvent[]) =>
  events.map((event) => (event.type === 'TokenChunk' ? event.text : '')).join('');

describe('EventLog', () => {
  afterEach(() => vi.useRealTimers());

  it('gives a reader who comes late everything, chunks merged, ranges whole', async () => {
    const log = new EventLog('g');
    log.append({ type: 'GenerationQueued', position: 0 });
    for (const text of ['a', 'b', 'c']) log.append(chunk(text));
    log.append(END);
    const events: GenerationEvent[] = [];
    for await (const event of log.read(0, never)) events.push(event);
    expect(events.map(({ type, firstSequence, sequence }) => [type, firstSequence, sequence])).toEqual([
      ['GenerationQueued', 1, 1],
      ['TokenChunk', 2, 4],
      ['GenerationCancelled', 5, 5],
    ]);
    expect(textOf(events)).toBe('abc');
  });

  it('gives one who looks seldom what came in between as one, and the first at once', async () => {
    vi.useFakeTimers();
    const log = new EventLog('g');
    const seen: [number, string, number][] = [];
    const startedAt = performance.now();
    const reading = (async () => {
      for await (const event of log.read(0, never, 100))
        seen.push([performance.now() - startedAt, textOf([event]) || event.type, event.sequence]);
    })();
    log.append({ type: 'GenerationQueued', position: 0 });
    for (const text of 'abcdefgh') {
      await vi.advanceTimersByTimeAsync(30);
      log.append(chunk(text));
    }
    await vi.advanceTimersByTimeAsync(30);
    log.append(END);
    await vi.advanceTimersByTimeAsync(100);
    await reading;
    expect(seen).toEqual([
      [0, 'GenerationQueued', 1],
      [100, 'abc', 4],
      [200, 'def', 7],
      [300, 'gh', 9],
      [300, 'GenerationCancelled', 10],
    ]);
  });

  it('leaves no timer behind when one who looks seldom leaves', async () => {
    vi.useFakeTimers();
    const log = new EventLog('g');
    const leave = new AbortController();
    const reader = log.read(0, leave.signal, 1000);
    log.append(chunk('a'));
    await reader.next();
    const next = reader.next();
    expect(vi.getTimerCount()).toBe(1);
    leave.abort();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(vi.getTimerCount()).toBe(0);
    expect(log.readers).toBe(0);
  });

  it('gives any reader, however slow and often interrupted, exactly the text', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ minLength: 0, maxLength: 3 }), { maxLength: 40 }),
        fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 60 }),
        async (texts, turns) => {
          const log = new EventLog('g');
          const seen: GenerationEvent[] = [];
          const writer = (async () => {
            for (const [index, text] of texts.entries()) {
              log.append(chunk(text));
              for (let turn = turns[index % turns.length]!; turn > 0; turn--) await Promise.resolve();
            }
            log.append(END);
          })();
          // Reads a few events, leaves, and resumes after the last one it saw.
          for (let round = 0; seen.at(-1)?.type !== END.type; round++) {
            let left = 1 + turns[round % turns.length]!;
            for await (const event of log.read(seen.at(-1)?.sequence ?? 0, never)) {
              seen.push(event);
              if (--left === 0) break;
            }
          }
          await writer;
          expect(textOf(seen)).toBe(texts.join(''));
          seen.reduce((last, { firstSequence, sequence }) => {
            expect(firstSequence).toBe(last + 1);
            return sequence;
          }, 0);
        },
      ),
    );
  });

  it('takes nothing after the end', () => {
    const log = new EventLog('g');
    log.append(END);
    expect(() => log.append(chunk('x'))).toThrow('after the end');
  });

  it('tells how many read, and when nobody does', async () => {
    const log = new EventLog('g');
    const readers: number[] = [];
    log.onReaders = (count) => readers.push(count);
    log.append(chunk('a'));
    const iterator = log.read(0, never);
    await iterator.next();
    const unread = log.unread();
    await iterator.return?.();
    await unread;
    expect(readers).toEqual([1, 0]);
  });
});

describe('a reader that leaves before its first event', () => {
  it('has come and gone', async () => {
    const log = new EventLog('g');
    const readers: number[] = [];
    log.onReaders = (count) => readers.push(count);
    const iterator = abortFirst((signal) => log.read(0, signal));
    expect(await iterator.return?.()).toEqual({ done: true, value: undefined });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(readers).toEqual([1, 0]);
  });
});

describe('abortFirst', () => {
  it('lets return() end a source that waits for something that never comes', async () => {
    const log = new EventLog('g');
    const iterator = abortFirst((signal) => log.read(0, signal));
    const waiting = iterator.next();
    expect(await iterator.return?.()).toEqual({ done: true, value: undefined });
    expect(await waiting).toEqual({ done: true, value: undefined });
  });
});

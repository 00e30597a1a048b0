import { MAX_MERGED_CHARACTERS } from '../event-log.ts';
import type { GenerationEvent } from '../events.ts';
import { ReadableLog } from '../readable-log.ts';

/** An event of one lane, or the end of all. It covers `firstSequence` to `sequence`. */
export type ComparisonEvent = ComparisonHappening & {
  readonly comparisonId: string;
  readonly firstSequence: number;
  readonly sequence: number;
};

export type ComparisonHappening = LaneHappening | { readonly lane: null; readonly event: null };

interface LaneHappening {
  readonly lane: number;
  readonly event: GenerationEvent;
}

/** A lane, and the sequence numbers there that the event covers, from and to. */
export type EventNumber = readonly [lane: number, first: number, last: number];

/**
 * The numbered log of all lanes of a comparison. An event gets its number when somebody is there to read it, at the
 * latest when something else than a chunk follows in its lane: until then a lane's chunks are put together. So one who
 * reads all lanes slowly gets few large chunks, although theirs came in turns, and a number once given never changes.
 */
export class ComparisonLog extends ReadableLog<ComparisonEvent> {
  readonly comparisonId: string;
  readonly #numbered: ComparisonHappening[] = [];
  /** By lane, the chunks that have no number yet, as one. */
  readonly #pending = new Map<number, GenerationEvent>();

  constructor(comparisonId: string) {
    super();
    this.comparisonId = comparisonId;
  }

  override get lastSequence(): number {
    return this.#numbered.length;
  }

  override get hasEnded(): boolean {
    return this.#numbered.at(-1)?.lane === null;
  }

  /** One that has ended, from `numbers`. `eventOf` finds an event of a lane. */
  static restore(
    comparisonId: string,
    numbers: readonly EventNumber[],
    eventOf: (lane: number, first: number, last: number) => GenerationEvent,
  ): ComparisonLog {
    const log = new ComparisonLog(comparisonId);
    for (const [lane, first, last] of numbers)
      log.#numbered.push({ lane, event: eventOf(lane, first, last) });
    log.end();
    return log;
  }

  /** What is numbered 1, 2, … but for the end of all. */
  numbers(): EventNumber[] {
    return this.#numbered.flatMap(({ lane, event }) =>
      event === null ? [] : [[lane, event.firstSequence, event.sequence] as const],
    );
  }

  /** @throws when the log has ended */
  append(lane: number, event: GenerationEvent): void {
    this.#mustBeOpen();
    const before = this.#pending.get(lane);
    const merged = before === undefined ? event : merge(before, event);
    if (merged === null) this.#number();
    if (event.type === 'TokenChunk') this.#pending.set(lane, merged ?? event);
    else {
      this.#number();
      this.#numbered.push({ lane, event });
    }
    this.wakeReaders();
  }

  /** @throws when the log has ended */
  end(): void {
    this.#mustBeOpen();
    this.#number();
    this.#numbered.push({ lane: null, event: null });
    this.wakeReaders();
  }

  /** The event after `cursor`; chunks of the same lane that follow it come with it. */
  override eventAfter(cursor: number): ComparisonEvent | null {
    if (cursor === this.#numbered.length) this.#number();
    const first = this.#numbered[cursor];
    if (first === undefined) return null;
    const range = { comparisonId: this.comparisonId, firstSequence: cursor + 1 };
    let end = cursor + 1;
    let merged = first;
    for (let next = this.#numbered[end]; next?.lane === first.lane; next = this.#numbered[++end]) {
      const event = next.event === null || merged.event === null ? null : merge(merged.event, next.event);
      if (event === null) break;
      merged = { lane: first.lane!, event };
    }
    return { ...merged, ...range, sequence: end };
  }

  #number(): void {
    for (const [lane, event] of this.#pending) this.#numbered.push({ lane, event });
    this.#pending.clear();
  }

  #mustBeOpen(): void {
    if (this.hasEnded) throw new Error(`Comparison ${this.comparisonId} has ended.`);
  }
}

/** Two chunks of one lane in a row as one; null where they are none, or would be too long. */
function merge(one: GenerationEvent, next: GenerationEvent): GenerationEvent | null {
  if (one.type !== 'TokenChunk' || next.type !== 'TokenChunk') return null;
  const isLong = one.text.length + next.text.length > MAX_MERGED_CHARACTERS;
  if (one.text !== '' && isLong) return null;
  return {
    ...one,
    text: one.text + next.text,
    tokens: one.tokens + next.tokens,
    sequence: next.sequence,
  };
}

import { isFinal, type GenerationEvent, type GenerationHappening } from './events.ts';
import { ReadableLog } from './readable-log.ts';

export type Chunk = Extract<GenerationHappening, { type: 'TokenChunk' }>;

/** A merged chunk is no longer than this, so that what is on its way to a reader stays small however far behind it is. */
export const MAX_MERGED_CHARACTERS = 16_384;

/**
 * The append-only, numbered log of one generation. Readers are cursors on it: each reads at its own pace, gets
 * what it missed with consecutive chunks merged into one, and holds no buffer of its own.
 */
export class EventLog extends ReadableLog<GenerationEvent> {
  readonly generationId: string;
  readonly #events: GenerationHappening[] = [];

  constructor(generationId: string) {
    super();
    this.generationId = generationId;
  }

  override get lastSequence(): number {
    return this.#events.length;
  }

  override get hasEnded(): boolean {
    const last = this.#events.at(-1);
    return last !== undefined && isFinal(last);
  }

  /** @throws when the log has ended: a final event is the last */
  append(event: GenerationHappening): void {
    if (this.hasEnded) throw new Error(`${event.type} after the end of generation ${this.generationId}`);
    this.#events.push(event);
    this.wakeReaders();
  }

  /** The answer as it came, piece by piece. */
  chunks(): readonly Chunk[] {
    return this.#events.filter((event) => event.type === 'TokenChunk');
  }

  /** All of them, as they came. */
  happenings(): readonly GenerationHappening[] {
    return this.#events;
  }

  /** The event after `cursor`; chunks that are there already, up to number `last`, come as one, whose range covers them. */
  override eventAfter(cursor: number, last = Infinity): GenerationEvent | null {
    const first = this.#events[cursor];
    if (first === undefined) return null;
    const range = { generationId: this.generationId, firstSequence: cursor + 1 };
    if (first.type !== 'TokenChunk') return { ...first, ...range, sequence: cursor + 1 };
    const texts: string[] = [];
    let tokens = 0;
    let end = cursor;
    let characters = 0;
    for (
      let next = this.#events[end];
      next?.type === 'TokenChunk' && end < last;
      next = this.#events[++end]
    ) {
      if (characters > 0 && characters + next.text.length > MAX_MERGED_CHARACTERS) break;
      texts.push(next.text);
      tokens += next.tokens;
      characters += next.text.length;
    }
    return { type: 'TokenChunk', text: texts.join(''), tokens, ...range, sequence: end };
  }
}

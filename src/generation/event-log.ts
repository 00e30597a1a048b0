import { isFinal, type GenerationEvent, type GenerationHappening } from './events.ts';

/** A merged chunk is no longer than this, so that what is on its way to a reader stays small however far behind it is. */
const MAX_MERGED_CHARACTERS = 16_384;

/**
 * The append-only, numbered log of one generation. Readers are cursors on it: each reads at its own pace, gets
 * what it missed with consecutive chunks merged into one, and holds no buffer of its own.
 */
export class EventLog {
  readonly generationId: string;
  readonly #events: GenerationHappening[] = [];
  readonly #waiting = new Set<() => void>();
  #readers = 0;
  #whenUnread: (() => void)[] = [];
  /** Called when the number of readers changes. */
  onReaders: ((readers: number) => void) | null = null;

  constructor(generationId: string) {
    this.generationId = generationId;
  }

  get lastSequence(): number {
    return this.#events.length;
  }

  get hasEnded(): boolean {
    const last = this.#events.at(-1);
    return last !== undefined && isFinal(last);
  }

  /** Resolves when nobody reads. */
  unread(): Promise<void> {
    if (this.#readers === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenUnread.push(resolve));
  }

  /** @throws when the log has ended: a final event is the last */
  append(event: GenerationHappening): void {
    if (this.hasEnded) throw new Error(`${event.type} after the end of generation ${this.generationId}`);
    this.#events.push(event);
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  /**
   * Every event after sequence `after`, in order, exactly once, then live until the final one. Ends early when
   * the signal aborts.
   */
  async *read(after: number, signal: AbortSignal): AsyncGenerator<GenerationEvent> {
    this.#changeReaders(1);
    try {
      let cursor = after;
      while (!signal.aborted) {
        const event = this.#next(cursor);
        if (event !== null) {
          yield event;
          cursor = event.sequence;
        } else if (this.hasEnded) return;
        else await this.#appended(signal);
      }
    } finally {
      this.#changeReaders(-1);
    }
  }

  /** The event after `cursor`; chunks that are there already come as one, whose range covers them. */
  #next(cursor: number): GenerationEvent | null {
    const first = this.#events[cursor];
    if (first === undefined) return null;
    const range = { generationId: this.generationId, firstSequence: cursor + 1 };
    if (first.type !== 'TokenChunk') return { ...first, ...range, sequence: cursor + 1 };
    const texts: string[] = [];
    let tokens = 0;
    let end = cursor;
    let characters = 0;
    for (let next = this.#events[end]; next?.type === 'TokenChunk'; next = this.#events[++end]) {
      if (characters > 0 && characters + next.text.length > MAX_MERGED_CHARACTERS) break;
      texts.push(next.text);
      tokens += next.tokens;
      characters += next.text.length;
    }
    return { type: 'TokenChunk', text: texts.join(''), tokens, ...range, sequence: end };
  }

  #appended(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  #changeReaders(by: number): void {
    this.#readers += by;
    this.onReaders?.(this.#readers);
    if (this.#readers === 0) this.#whenUnread.splice(0).forEach((resolve) => resolve());
  }
}

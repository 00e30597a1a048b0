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
  #waiting = new Set<() => void>();
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

  get readers(): number {
    return this.#readers;
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
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
  }

  /**
   * Every event after sequence `after`, in order, exactly once, then live until the final one. Ends early when
   * the signal aborts.
   */
  read(after: number, signal: AbortSignal): AsyncIterableIterator<GenerationEvent> {
    return new Reader(this, after, signal);
  }

  /** For readers: calls back at the next event. */
  onNext(wake: () => void): void {
    this.#waiting.add(wake);
  }

  /** For readers: no longer. */
  offNext(wake: () => void): void {
    this.#waiting.delete(wake);
  }

  /** The event after `cursor`; chunks that are there already come as one, whose range covers them. */
  eventAfter(cursor: number): GenerationEvent | null {
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

  /** For readers: one more, or one less. */
  changeReaders(by: number): void {
    this.#readers += by;
    this.onReaders?.(this.#readers);
    if (this.#readers === 0) this.#whenUnread.splice(0).forEach((resolve) => resolve());
  }
}

type Result = IteratorResult<GenerationEvent, undefined>;
const DONE: Result = { done: true, value: undefined };

/** A cursor on a log. Written by hand: a generator costs three more promises for each of a thousand readers' tokens. */
class Reader implements AsyncIterableIterator<GenerationEvent> {
  readonly #log: EventLog;
  readonly #signal: AbortSignal;
  #cursor: number;
  #state: 'new' | 'open' | 'closed' = 'new';
  /** Who waits for the next event, if anyone does. */
  #waiting: ((result: Result) => void) | null = null;

  constructor(log: EventLog, after: number, signal: AbortSignal) {
    this.#log = log;
    this.#cursor = after;
    this.#signal = signal;
  }

  next(): Promise<Result> {
    if (this.#state === 'new') this.#open();
    const result = this.#take();
    if (result !== null) return Promise.resolve(result);
    return new Promise((resolve) => {
      this.#waiting = resolve;
      this.#log.onNext(this.#wake);
    });
  }

  return(): Promise<Result> {
    this.#close();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  readonly #wake = (): void => {
    if (this.#waiting === null) return;
    const result = this.#take();
    if (result === null) this.#log.onNext(this.#wake);
    else this.#answer(result);
  };

  readonly #abort = (): void => this.#close();

  #answer(result: Result): void {
    const resolve = this.#waiting;
    this.#waiting = null;
    resolve?.(result);
  }

  /** Null when the next event is yet to come. */
  #take(): Result | null {
    if (this.#state === 'closed') return DONE;
    const event = this.#log.eventAfter(this.#cursor);
    if (event === null) {
      if (!this.#log.hasEnded) return null;
      this.#close();
      return DONE;
    }
    this.#cursor = event.sequence;
    return { done: false, value: event };
  }

  #open(): void {
    if (this.#signal.aborted) {
      this.#state = 'closed';
      return;
    }
    this.#state = 'open';
    this.#log.changeReaders(1);
    this.#signal.addEventListener('abort', this.#abort, { once: true });
  }

  #close(): void {
    if (this.#state === 'open') {
      this.#signal.removeEventListener('abort', this.#abort);
      this.#log.offNext(this.#wake);
      this.#log.changeReaders(-1);
    }
    this.#state = 'closed';
    this.#answer(DONE);
  }
}

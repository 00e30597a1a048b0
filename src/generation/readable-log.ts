/** An event and its place; it covers everything since the one before it. */
interface Numbered {
  readonly sequence: number;
}

/**
 * A numbered log that only grows and has an end. Readers are cursors on it: each reads at its own pace and holds no
 * buffer of its own.
 */
export abstract class ReadableLog<Event extends Numbered> {
  #waiting = new Set<() => void>();
  #readers = 0;
  #whenUnread: (() => void)[] = [];
  /** Called when the number of readers changes. */
  onReaders: ((readers: number) => void) | null = null;

  abstract get hasEnded(): boolean;

  /** Number of the newest event. */
  abstract get lastSequence(): number;

  /** The event after `cursor`, what can be merged with it included; null when it is yet to come. */
  abstract eventAfter(cursor: number): Event | null;

  get readers(): number {
    return this.#readers;
  }

  /** Resolves when nobody reads. */
  unread(): Promise<void> {
    if (this.#readers === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenUnread.push(resolve));
  }

  /**
   * Every event after sequence `after`, in order, exactly once, then live until the final one. Ends early when
   * the signal aborts. Who looks at most every `minIntervalMs` milliseconds gets what has come since as few events.
   */
  read(after: number, signal: AbortSignal, minIntervalMs = 0): AsyncIterableIterator<Event> {
    return new Reader(this, after, { signal, minIntervalMs });
  }

  /** For the log itself: there is more to read. */
  protected wakeReaders(): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
  }

  /** For readers: calls back at the next event. */
  onNext(wake: () => void): void {
    this.#waiting.add(wake);
  }

  /** For readers: no longer. */
  offNext(wake: () => void): void {
    this.#waiting.delete(wake);
  }

  /** For readers: one more, or one less. */
  changeReaders(by: number): void {
    this.#readers += by;
    this.onReaders?.(this.#readers);
    if (this.#readers === 0) this.#whenUnread.splice(0).forEach((resolve) => resolve());
  }
}

interface Reading {
  readonly signal: AbortSignal;
  readonly minIntervalMs: number;
}

type Result<Event> = IteratorResult<Event, undefined>;
const DONE: Result<never> = { done: true, value: undefined };

/** A cursor on a log. Written by hand: a generator costs three more promises for each of a thousand readers' tokens. */
class Reader<Event extends Numbered> implements AsyncIterableIterator<Event> {
  readonly #log: ReadableLog<Event>;
  readonly #signal: AbortSignal;
  readonly #minIntervalMs: number;
  #cursor: number;
  /** All that was there when it last looked; it looks again after `#restsUntilMs`. */
  #lookedTo: number;
  #restsUntilMs = 0;
  #rest: NodeJS.Timeout | undefined;
  #state: 'new' | 'open' | 'closed' = 'new';
  /** Who waits for the next event, if anyone does. */
  #waiting: ((result: Result<Event>) => void) | null = null;

  constructor(log: ReadableLog<Event>, after: number, { signal, minIntervalMs }: Reading) {
    this.#log = log;
    this.#cursor = after;
    this.#lookedTo = after;
    this.#signal = signal;
    this.#minIntervalMs = minIntervalMs;
  }

  next(): Promise<Result<Event>> {
    if (this.#state === 'new') this.#open();
    const result = this.#take();
    if (result !== null) return Promise.resolve(result);
    return new Promise((resolve) => {
      this.#waiting = resolve;
      this.#wait();
    });
  }

  return(): Promise<Result<Event>> {
    if (this.#state === 'new') this.#leaveUnread();
    this.#close();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  readonly #wake = (): void => {
    if (this.#waiting === null) return;
    const result = this.#take();
    if (result === null) this.#wait();
    else this.#answer(result);
  };

  #wait(): void {
    const restMs = Math.ceil(this.#restsUntilMs - performance.now());
    if (restMs > 0) this.#rest = setTimeout(this.#wake, restMs);
    else this.#log.onNext(this.#wake);
  }

  readonly #abort = (): void => this.#close();

  #answer(result: Result<Event>): void {
    const resolve = this.#waiting;
    this.#waiting = null;
    resolve?.(result);
  }

  /** Null when the next event is yet to come. */
  #take(): Result<Event> | null {
    if (this.#state === 'closed') return DONE;
    const looksAgain = this.#minIntervalMs > 0 && this.#cursor >= this.#lookedTo;
    if (looksAgain && !this.#log.hasEnded && performance.now() < this.#restsUntilMs) return null;
    const event = this.#log.eventAfter(this.#cursor);
    if (event === null) {
      if (!this.#log.hasEnded) return null;
      this.#close();
      return DONE;
    }
    if (looksAgain) {
      this.#lookedTo = this.#log.lastSequence;
      this.#restsUntilMs = performance.now() + this.#minIntervalMs;
    }
    this.#cursor = event.sequence;
    return { done: false, value: event };
  }

  /** Who leaves before the first event has come and gone, too. */
  #leaveUnread(): void {
    this.#log.changeReaders(1);
    this.#log.changeReaders(-1);
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
      clearTimeout(this.#rest);
      this.#log.changeReaders(-1);
    }
    this.#state = 'closed';
    this.#answer(DONE);
  }
}

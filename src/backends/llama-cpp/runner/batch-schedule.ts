/** No batch waits longer than this for a sequence that is late. */
const MAX_WAIT_MS = 5;

/** One sequence's part in the schedule. */
export interface Seat {
  /** It is about to ask for its next step. */
  asks(): void;
  leave(): void;
}

/**
 * Decides when a batch is computed: when every running sequence has asked for its next step. node-llama-cpp's own
 * schedule computes on the next turn of the event loop; sampling ends at a different turn for each sequence, so that
 * batches fall apart into single tokens, and sixteen at once were no faster than one.
 */
export class BatchSchedule {
  readonly #seats = new Set<{ isAsking: boolean }>();
  #dispatch: (() => void) | null = null;
  #timer: NodeJS.Timeout | undefined;

  /** For `dispatchSchedule` of node-llama-cpp: called when the first item of a batch is there. */
  readonly onPending = (dispatch: () => void): void => {
    this.#dispatch = dispatch;
    this.#timer = setTimeout(() => this.#run(), MAX_WAIT_MS);
    this.#runWhenComplete();
  };

  join(): Seat {
    const seat = { isAsking: false };
    this.#seats.add(seat);
    return {
      asks: () => {
        seat.isAsking = true;
        this.#runWhenComplete();
      },
      leave: () => {
        this.#seats.delete(seat);
        this.#runWhenComplete();
      },
    };
  }

  #runWhenComplete(): void {
    if (this.#dispatch === null) return;
    for (const { isAsking } of this.#seats) if (!isAsking) return;
    // One turn later all that was asked for is in the queue.
    const dispatch = this.#dispatch;
    setImmediate(() => {
      if (this.#dispatch === dispatch) this.#run();
    });
  }

  #run(): void {
    clearTimeout(this.#timer);
    const dispatch = this.#dispatch;
    this.#dispatch = null;
    // Whoever asked is answered now, and has to ask again.
    for (const seat of this.#seats) seat.isAsking = false;
    dispatch?.();
  }
}

import { onEnd, pipe, subscribe, type Source } from 'wonka';
import type { CombinedError } from 'urql';
import { isRefusal, problemOf, UNREACHABLE, type Problem } from './problem.ts';

interface Numbered {
  readonly sequence: number;
}

export interface Following<Event extends Numbered> {
  /** Asks the gateway for every event after a number. */
  readonly ask: (after: number) => Source<{ data?: Event | undefined; error?: CombinedError | undefined }>;
  /** Number of the newest event that is known. */
  readonly after: number;
  readonly isFinal: (event: Event) => boolean;
  readonly onEvent: (event: Event) => void;
  /** The gateway says no: there is nothing to follow. */
  readonly onRefused: (problem: Problem) => void;
  /** The way to the gateway is lost; it is tried again. */
  readonly onLost: () => void;
}

const FIRST_RETRY_MS = 250;
const MAX_RETRY_MS = 4000;

/**
 * Every event after `after`, in order, exactly once, whatever the network does: when the way is lost it asks again
 * after the newest event it has. Returns what ends it.
 */
export function follow<Event extends Numbered>(following: Following<Event>): () => void {
  const { ask, isFinal, onEvent, onRefused, onLost } = following;
  let after = following.after;
  let isOver = false;
  let retryMs = FIRST_RETRY_MS;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let end = (): void => undefined;

  function stop(): void {
    isOver = true;
    clearTimeout(timer);
    removeEventListener('online', attempt);
    end();
  }

  function retry(): void {
    if (isOver) return;
    onLost();
    clearTimeout(timer);
    timer = setTimeout(attempt, retryMs);
    retryMs = Math.min(2 * retryMs, MAX_RETRY_MS);
  }

  function takeEvent(event: Event): void {
    if (event.sequence <= after) return;
    after = event.sequence;
    retryMs = FIRST_RETRY_MS;
    onEvent(event);
    if (isFinal(event)) stop();
  }

  function attempt(): void {
    if (isOver) return;
    clearTimeout(timer);
    end();
    let isCurrent = true;
    const subscription = pipe(
      ask(after),
      // Lost, or closed by a gateway that goes: either way the answer is not whole yet.
      onEnd(() => {
        if (isCurrent) retry();
        isCurrent = false;
      }),
      subscribe(({ data, error }) => {
        if (!isCurrent) return;
        if (data) takeEvent(data);
        if (error === undefined || isOver) return;
        const problem = problemOf(error);
        // Asked for anew at the end; where it waits until somebody has signed in.
        if (problem.code === UNREACHABLE || isRefusal(problem)) return;
        stop();
        onRefused(problem);
      }),
    );
    end = () => {
      isCurrent = false;
      subscription.unsubscribe();
    };
  }

  addEventListener('online', attempt);
  attempt();
  return stop;
}

import type { ExecutionResult } from 'graphql';

type Responses = AsyncIterableIterator<ExecutionResult>;

/**
 * Between a subscription and its event stream, which would take every event at once and keep what the client does not
 * read: the next one is asked for when the one before has left.
 */
export class Pace {
  #left: Promise<void> = Promise.resolve();
  #onLeft = (): void => undefined;

  /** An event was written out, or nobody will read it any more. */
  left(): void {
    this.#onLeft();
  }

  follow(responses: Responses): Responses {
    const following: Responses = {
      next: async () => {
        await this.#left;
        const answer = await responses.next();
        this.#left = new Promise((resolve) => (this.#onLeft = resolve));
        return answer;
      },
      return: async () => {
        this.#onLeft();
        return (await responses.return?.()) ?? { done: true, value: undefined };
      },
      throw: async (error) => (await responses.throw?.(error)) ?? { done: true, value: undefined },
      [Symbol.asyncIterator]: () => following,
    };
    return following;
  }
}

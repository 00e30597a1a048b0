/**
 * An iterator whose `return()` aborts first and then closes: `return()` of a plain async generator that is
 * awaiting would stay pending until that await settles, so that leaving would not reach who is waited for.
 */
export function abortFirst<T>(source: (signal: AbortSignal) => AsyncIterable<T>): AsyncIterableIterator<T> {
  const controller = new AbortController();
  const iterator = source(controller.signal)[Symbol.asyncIterator]();
  return {
    next: () => iterator.next(),
    async return(value?: unknown) {
      controller.abort();
      return (await iterator.return?.(value)) ?? { done: true, value: undefined };
    },
    async throw(error?: unknown) {
      controller.abort();
      await iterator.return?.();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

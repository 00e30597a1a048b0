import { GraphQLError, type ExecutionResult } from 'graphql';
import type { MixgateError } from '../errors.ts';

type Responses = AsyncIterableIterator<ExecutionResult>;

/** Calls back once, when its caller's access ends. Returns what ends the looking. */
export type WatchAccess = (onEnd: (reason: MixgateError) => void) => () => void;

/** A stream whose caller's access ends is left, with a last response that says why. */
export function accessEnds(
  responses: Responses | ExecutionResult,
  watch: WatchAccess,
): Responses | ExecutionResult {
  if (!(Symbol.asyncIterator in responses)) return responses;
  let isOver = false;
  let refused: MixgateError | null = null;
  const stop = watch((reason) => {
    refused = reason;
    // Aborts what is waited for; should that fail, `next` says so.
    responses.return?.().catch(() => undefined);
  });
  const leave = (): void => {
    isOver = true;
    stop();
  };
  const ending: Responses = {
    async next() {
      if (isOver) return { done: true, value: undefined };
      const event = await responses.next();
      if (event.done === true || refused !== null) leave();
      return refused === null ? event : { done: false, value: refusal(refused) };
    },
    async return() {
      leave();
      return (await responses.return?.()) ?? { done: true, value: undefined };
    },
    async throw(error) {
      leave();
      return (await responses.throw?.(error)) ?? { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => ending,
  };
  return ending;
}

const refusal = (originalError: MixgateError): ExecutionResult => ({
  errors: [new GraphQLError(originalError.message, { originalError })],
});

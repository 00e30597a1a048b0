import { GraphQLError, type ExecutionResult } from 'graphql';
import { messageOf } from '../errors.ts';

type Responses = AsyncIterableIterator<ExecutionResult>;

/** A stream whose source fails ends with a response that says so: graphql-sse would just cut the connection. */
export function errorEnds(responses: Responses | ExecutionResult): Responses | ExecutionResult {
  if (!(Symbol.asyncIterator in responses)) return responses;
  let hasEnded = false;
  const ending: Responses = {
    async next() {
      if (hasEnded) return { done: true, value: undefined };
      try {
        return await responses.next();
      } catch (error) {
        hasEnded = true;
        return { done: false, value: { errors: [asGraphQLError(error)] } };
      }
    },
    return: async () => (await responses.return?.()) ?? { done: true, value: undefined },
    throw: async (error) => (await responses.throw?.(error)) ?? { done: true, value: undefined },
    [Symbol.asyncIterator]: () => ending,
  };
  return ending;
}

function asGraphQLError(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error;
  const originalError = error instanceof Error ? error : new Error(String(error));
  return new GraphQLError(messageOf(error), { originalError });
}

import { randomUUID } from 'node:crypto';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { ErrorCode, MixgateError, messageOf } from '../errors.ts';
import type { Log } from '../log.ts';

/** Codes that Apollo gives to a request that is wrong by itself. */
const REQUEST_CODES = new Set<unknown>([
  undefined,
  'BAD_REQUEST',
  'BAD_USER_INPUT',
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_RESOLUTION_FAILURE',
]);

/** Told of each error that leaves: its code, or OTHER where it is none of ours, and the limit that it came from. */
type OnAnswer = (code: string, limit: string | null) => void;

/** Errors as callers see them, the same on every transport. */
export class PublicErrors {
  readonly #log: Log;
  readonly #onAnswer: OnAnswer;
  readonly #requests = new WeakMap<object, string>();

  constructor(log: Log, onAnswer: OnAnswer) {
    this.#log = log;
    this.#onAnswer = onAnswer;
  }

  /** These errors, once formatted, name the request. */
  belongTo(requestId: string, errors: readonly object[]): void {
    for (const error of errors) this.#requests.set(error, requestId);
  }

  /**
   * `extensions.code` is always an `ErrorCode`: of ours with its data; of GraphQL's own, INVALID_INPUT. What
   * nobody expected is masked, and logged under the id that the caller gets.
   */
  format(error: unknown, requestId = this.#requests.get(error as object) ?? null): GraphQLFormattedError {
    const formatted = this.#formatted(error, requestId);
    const { code, limit } = formatted.extensions as { code: string; limit?: unknown };
    this.#onAnswer(code in ErrorCode ? code : 'OTHER', typeof limit === 'string' ? limit : null);
    if (requestId === null) return formatted;
    return { ...formatted, extensions: { ...formatted.extensions, requestId } };
  }

  #formatted(error: unknown, requestId: string | null): GraphQLFormattedError {
    const { message, locations, path, extensions } = asGraphQLError(error);
    const place = { ...(locations && { locations }), ...(path && { path }) };
    const cause = causeOf(error);
    if (cause instanceof MixgateError && cause.code !== 'INTERNAL') {
      const { code, retryable, data } = cause;
      return { message: cause.message, ...place, extensions: { code, retryable, ...data } };
    }
    if (cause === null) {
      const code = REQUEST_CODES.has(extensions['code']) ? 'INVALID_INPUT' : extensions['code'];
      return { message, ...place, extensions: { code, retryable: false } };
    }
    const errorId = randomUUID();
    const stack = cause instanceof Error ? cause.stack : undefined;
    this.#log.error('request.failed', { errorId, request: requestId, message: messageOf(cause), stack });
    const masked = `Something unexpected happened. The log has it under ${errorId}.`;
    return { message: masked, ...place, extensions: { code: 'INTERNAL', retryable: false, errorId } };
  }

  formatAll(errors: readonly unknown[], requestId: string | null = null): GraphQLFormattedError[] {
    return errors.map((error) => this.format(error, requestId));
  }
}

function asGraphQLError(error: unknown): GraphQLError {
  return error instanceof GraphQLError ? error : new GraphQLError(messageOf(error));
}

/** What was thrown inside a resolver; null for an error of GraphQL's own. */
function causeOf(error: unknown): unknown {
  if (!(error instanceof GraphQLError)) return error;
  const { originalError } = error;
  return originalError === undefined || originalError instanceof GraphQLError ? null : originalError;
}

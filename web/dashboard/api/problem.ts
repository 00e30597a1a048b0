import type { CombinedError } from 'urql';

/** What went wrong, as it is shown: a code of the schema's ErrorCode, or one of our own for what never reached it. */
export interface Problem {
  readonly code: string;
  readonly message: string;
}

/** The gateway was not reached, or its answer was none: the same again may go well. */
export const UNREACHABLE = 'UNREACHABLE';
/** The page was closed before the gateway had said which id the answer has. */
export const INTERRUPTED = 'INTERRUPTED';

/** The same question may be answered later: the gateway or its database is away. */
export const mayPass = ({ code }: Problem): boolean => code === UNREACHABLE || code === 'HISTORY_UNAVAILABLE';

export function problemOf(error: CombinedError): Problem {
  const [refusal] = error.graphQLErrors;
  if (refusal === undefined) return { code: UNREACHABLE, message: '' };
  const { code } = refusal.extensions;
  return { code: typeof code === 'string' ? code : 'INTERNAL', message: refusal.message };
}

import type { CombinedError } from 'urql';

/** What went wrong, as it is shown: a code of the schema's ErrorCode, or one of our own for what never reached it. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  /** `extensions.reason`: which key or token does not count, and why. */
  readonly reason?: string | undefined;
}

/** The gateway was not reached, or its answer was none: the same again may go well. */
export const UNREACHABLE = 'UNREACHABLE';
/** The page was closed before the gateway had said which id the answer has. */
export const INTERRUPTED = 'INTERRUPTED';
const UNAUTHENTICATED = 'UNAUTHENTICATED';

/** Why somebody is not let in. */
const REASONS = [
  'MISSING',
  'UNKNOWN',
  'REVOKED',
  'EXPIRED',
  'TOKEN',
  'SCHEME',
  'UNREADABLE',
  'NO_ROLE',
] as const;
export type Reason = (typeof REASONS)[number];

/** The same question may be answered later: the gateway or its database is away. */
export const mayPass = ({ code }: Problem): boolean => code === UNREACHABLE || code === 'HISTORY_UNAVAILABLE';

/** Null where it is something else that went wrong. */
export const reasonOf = ({ reason }: Problem): Reason | null =>
  REASONS.find((each) => each === reason) ?? null;

export const refusal = (reason: Reason): Problem => ({ code: UNAUTHENTICATED, message: '', reason });

/** Whoever asks is not let in (any more): another key or token may be. */
export const isRefusal = ({ code, reason }: Problem): boolean =>
  code === UNAUTHENTICATED || reason === 'NO_ROLE';

/** Of a socket whose credential does not count (any more). */
export const isRefusedClose = (event: unknown): boolean =>
  event instanceof CloseEvent && (event.code === 4401 || event.code === 4403);

export function problemOf({ graphQLErrors, networkError }: CombinedError): Problem {
  const [first] = graphQLErrors;
  if (first === undefined)
    return { code: isRefusedClose(networkError) ? UNAUTHENTICATED : UNREACHABLE, message: '' };
  const { code, reason } = first.extensions;
  return {
    code: typeof code === 'string' ? code : 'INTERNAL',
    message: first.message,
    ...(typeof reason === 'string' && { reason }),
  };
}

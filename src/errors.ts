/**
 * Every error a caller can expect, one entry per code. `retryable` means that the same
 * request may succeed later without being changed.
 */
const ERROR_CODES = {
  INVALID_INPUT: { retryable: false },
  MODEL_NOT_FOUND: { retryable: false },
  VARIANT_NOT_AVAILABLE: { retryable: false },
  NO_PLAN_FITS: { retryable: false },
  CONTEXT_OVERFLOW: { retryable: false },
  OUT_OF_MEMORY: { retryable: true },
  BACKEND_UNAVAILABLE: { retryable: true },
  BACKEND_CRASHED: { retryable: true },
  DEVICE_LOST: { retryable: true },
  QUEUE_FULL: { retryable: true },
  WAIT_TIMEOUT: { retryable: true },
  RUN_TIMEOUT: { retryable: false },
  NOT_FOUND: { retryable: false },
  IN_USE: { retryable: true },
  SOURCE_UNAVAILABLE: { retryable: true },
  INTEGRITY_MISMATCH: { retryable: false },
  DISK_FULL: { retryable: true },
  HISTORY_UNAVAILABLE: { retryable: true },
  UNAUTHENTICATED: { retryable: false },
  FORBIDDEN: { retryable: false },
  RATE_LIMITED: { retryable: true },
  TOO_MANY_CONNECTIONS: { retryable: true },
  DOCUMENT_TOO_LARGE: { retryable: false },
  DOCUMENT_TOO_COMPLEX: { retryable: false },
  DOCUMENT_NOT_TRUSTED: { retryable: false },
  PERSISTED_QUERY_NOT_FOUND: { retryable: false },
  PERSISTED_QUERY_NOT_SUPPORTED: { retryable: false },
  INTERNAL: { retryable: false },
} as const satisfies Record<string, { retryable: boolean }>;

/** As `ErrorCode` of the schema. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** For the enum of the schema: each code under its own name. */
export const ErrorCode = Object.fromEntries(Object.keys(ERROR_CODES).map((code) => [code, code])) as {
  readonly [Code in ErrorCode]: Code;
};

/** How an error crosses a process or a socket. */
export interface WireError {
  code: string;
  message: string;
  data?: Record<string, unknown> | undefined;
}

/** An expected error. `message` is a sentence for people that says what to do; `data` holds its numbers. */
export class MixgateError extends Error {
  override readonly name = 'MixgateError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly data: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  get retryable(): boolean {
    return ERROR_CODES[this.code].retryable;
  }
}

/** What the other side sent, as an error of ours; a code we do not know becomes INTERNAL. */
export function fromWire(error: WireError): MixgateError {
  const code = error.code in ERROR_CODES ? (error.code as ErrorCode) : 'INTERNAL';
  return new MixgateError(code, error.message, error.data);
}

export function toWire(error: unknown): WireError {
  if (error instanceof MixgateError)
    return { code: error.code, message: error.message, data: { ...error.data } };
  return { code: 'INTERNAL', message: messageOf(error) };
}

/** Anything thrown, as an expected error: what nobody expected becomes INTERNAL and keeps its cause. */
export function asMixgateError(error: unknown): MixgateError {
  return error instanceof MixgateError
    ? error
    : new MixgateError('INTERNAL', messageOf(error), {}, { cause: error });
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A runtime that took more host memory for itself than its load allowed, and was ended for it. */
export const outgrown = (bytes: number, limitBytes: number): MixgateError =>
  new MixgateError(
    'OUT_OF_MEMORY',
    `The llama.cpp runner took ${bytes} bytes of host memory, more than the ${limitBytes} that its plan and runnerMemoryTolerance allow, and was ended: the answer so far is kept, send the request again.`,
    { bytes, limitBytes },
  );

/** The device has the memory: a smaller plan is no help, and nobody else needs one. */
export const isOutgrown = ({ code, data }: MixgateError): boolean =>
  code === 'OUT_OF_MEMORY' && data['limitBytes'] !== undefined;

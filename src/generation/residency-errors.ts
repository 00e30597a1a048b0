import { isOutgrown, MixgateError } from '../errors.ts';
import type { Crash, CrashRecord } from '../routing/crash-loops.ts';

export const notResident = (residentId: string) =>
  new MixgateError('NOT_FOUND', `Nothing is resident under ${residentId}: see devices { resident { id } }.`);

export const unknownFailure = () => new MixgateError('INTERNAL', 'The load failed without a reason.');

/** As the reducer is told of it. */
export const crashOf = ({ message: reason }: Error): { readonly crash: Crash } => ({
  crash: { reason, random: Math.random() },
});

/** The same, of a load that failed; nothing where the runtime lives on, or said itself that it cannot. */
export const crashBehind = (error: MixgateError) =>
  error.code === 'BACKEND_CRASHED' || isOutgrown(error) ? crashOf(error) : {};

export function crashesAgain(
  { variantId, deviceId, crashes, reason, until }: CrashRecord,
  now: number,
): MixgateError {
  const retryAfterMs = Math.max(0, until - now);
  return new MixgateError(
    'BACKEND_CRASHED',
    `${variantId} on ${deviceId} crashed ${crashes} times in a row, and is loaded again in ${Math.ceil(retryAfterMs / 1000)} s at the earliest: try again then, or choose another quantization or device. Last it said: ${reason}`,
    { retryAfterMs, variantId, deviceId, crashes },
  );
}

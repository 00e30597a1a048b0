import { MixgateError } from '../errors.ts';

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

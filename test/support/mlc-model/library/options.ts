// `makeMlcModel` compiles with other values in place of this file.

/** Busy wait before each token. */
export const PAUSE_MS: i32 = 0;
/** Before the token of this number, from 1, the GPU is asked for more memory than it has; 0 for never. */
export const LOSE_DEVICE_AT: i32 = 0;
/** The token of this number fails with an error of the runtime; 0 for never. */
export const FAIL_AT: i32 = 0;
export const METADATA: string = '{}';

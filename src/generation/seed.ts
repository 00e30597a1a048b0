import { randomInt } from 'node:crypto';

const MAX_RANDOM_SEED = 2 ** 31;

/** One that was not given. */
export const drawSeed = (): number => randomInt(MAX_RANDOM_SEED);

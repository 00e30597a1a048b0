import type { Sampling } from '../../src/backends/backend.ts';

/** The most probable token, always. */
export const GREEDY: Sampling = {
  temperature: 0,
  topK: 40,
  topP: 0.95,
  minP: 0.05,
  repeatPenalty: 1,
  repeatLastN: 64,
  presencePenalty: 0,
  frequencyPenalty: 0,
  seed: 1,
};

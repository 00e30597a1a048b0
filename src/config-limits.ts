import { bytesSchema, MIB, whole } from './config-values.ts';

/** Of a count that is not limited at 0. */
const MOST = 1_000_000_000;

/** What one caller may ask for; docs/limits.md says what each is answered with. */
export const limitOptions = {
  maxQueuedPerCaller: whole(0, MOST)
    .default(500)
    .describe(
      'Generations of one caller that may wait, lanes of comparisons included; more are refused. 0: as maxQueued.',
    ),
  maxRunningPerCaller: whole(0, MOST)
    .default(0)
    .describe(
      'Generations and evaluations of one caller that run at once; more wait for their turn. 0: as many as there are slots.',
    ),
  maxPromptBytes: bytesSchema
    .default(2 * MIB)
    .describe('Bytes of a prompt, all its messages together. 0: as much as a request may carry, 4 MiB.'),
  requestsPerMinute: whole(0, MOST)
    .default(6000)
    .describe('Operations (queries, mutations, subscriptions) of one caller in a minute; 0: without limit.'),
  tokensPerMinute: whole(0, MOST)
    .default(0)
    .describe(
      'Tokens of prompts and answers of one caller in a minute, after which it starts nothing more; 0: without limit.',
    ),
  failedSignInsPerMinute: whole(0, MOST)
    .default(20)
    .describe(
      'Wrong credentials of one address in a minute, after which it is not listened to; 0: without limit.',
    ),
};

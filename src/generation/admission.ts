import { MixgateError } from '../errors.ts';
import type { Generation } from './generation.ts';
import { promptText } from './history/search-text.ts';
import type { GenerationRequest } from './request.ts';

/** What the gateway takes; Infinity: without limit. */
export interface AdmissionLimits {
  /** Generations that may wait for a slot: all, and of one caller. */
  readonly maxQueued: number;
  readonly maxQueuedPerCaller: number;
  /** UTF-8 bytes of all messages together. */
  readonly maxPromptBytes: number;
}

const isQueued = ({ state }: Generation): boolean => state === 'QUEUED' || state === 'LOADING';

export const queuedBy = (generations: Iterable<Generation>, callerId: string): number =>
  [...generations].filter((each) => each.callerId === callerId && isQueued(each)).length;

/** Whether there is room for all of them. @throws INVALID_INPUT, QUEUE_FULL */
export function checkAdmission(
  requests: readonly GenerationRequest[],
  callerId: string,
  generations: Iterable<Generation>,
  { maxQueued, maxQueuedPerCaller, maxPromptBytes }: AdmissionLimits,
): void {
  for (const { prompt } of requests) {
    const promptBytes = Buffer.byteLength(promptText(prompt));
    if (promptBytes > maxPromptBytes)
      throw new MixgateError(
        'INVALID_INPUT',
        `prompt: takes ${promptBytes} bytes, and at most ${maxPromptBytes} are taken here: shorten it.`,
        { limit: 'maxPromptBytes', maxPromptBytes, promptBytes },
      );
  }
  const queued = [...generations].filter(isQueued);
  const own = queued.filter((each) => each.callerId === callerId).length;
  if (own + requests.length > maxQueuedPerCaller)
    throw new MixgateError(
      'QUEUE_FULL',
      `${own} generations of yours are waiting already, and at most ${maxQueuedPerCaller} may: let some end first.`,
      { limit: 'maxQueuedPerCaller', maxQueuedPerCaller, queued: own },
    );
  if (queued.length + requests.length > maxQueued)
    throw new MixgateError(
      'QUEUE_FULL',
      `${queued.length} generations are waiting already: try again later.`,
      {
        limit: 'maxQueued',
        maxQueued,
      },
    );
}

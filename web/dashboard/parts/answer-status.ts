import type { Formats } from '../text/formats.ts';
import type { Texts } from '../text/en.ts';
import { isFinal, type Answer } from './answer.ts';

/** Where an answer is, in a line. */
export function statusOf(answer: Answer, texts: Texts, formats: Formats): string {
  const { stages, finish, ahead, tokens } = texts.playground;
  return [
    stages[answer.stage],
    ...(answer.stage === 'QUEUED' && answer.position !== null ? [ahead(answer.position)] : []),
    ...(answer.completed === null ? [] : [finish[answer.completed.finishReason]]),
    ...(isFinal(answer) && answer.tokens > 0 ? [tokens(formats.count(answer.tokens))] : []),
  ].join(' · ');
}

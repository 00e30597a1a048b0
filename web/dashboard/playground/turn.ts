import { INTERRUPTED } from '../api/problem.ts';
import { failed, isFinal, newAnswer, type Answer } from '../parts/answer.ts';

/** One prompt and what is known of its answer: it is kept in sessionStorage as it is. */
export interface Turn extends Answer {
  readonly prompt: string;
  readonly isRaw: boolean;
}

export const newTurn = (prompt: string, isRaw: boolean): Turn => ({ prompt, isRaw, ...newAnswer(null) });

/** What was started and never got its id cannot be followed any more. */
export const restored = (turn: Turn): Turn =>
  isFinal(turn) || turn.id !== null ? turn : failed(turn, { code: INTERRUPTED, message: '' });

import type { NewWaiter, ResidencyEffect, ResidencyState, Waiter } from './residency-state.ts';

/**
 * Behind everyone of a higher priority, and of the same priority behind everyone whose turn comes first. A caller's
 * next turn is one after its last, or one after the turn being served if that is later: so that one caller's hundred
 * requests and another's one are served alternately, and nobody saves up turns by not asking (start-time fair
 * queueing, Goyal et al. 1996).
 */
export function insert(state: ResidencyState, waiter: NewWaiter): ResidencyState {
  const { priority, callerId } = waiter;
  const turn = Math.max(state.turn, state.turns[callerId] ?? 0) + 1;
  const placed: Waiter = { ...waiter, turn, position: null, displaced: [] };
  const isBehind = (other: Waiter) =>
    other.priority < priority || (other.priority === priority && other.turn > turn);
  const index = state.waiting.findIndex(isBehind);
  const waiting = index === -1 ? [...state.waiting, placed] : state.waiting.toSpliced(index, 0, placed);
  return { ...state, waiting, turns: { ...state.turns, [callerId]: turn } };
}

/** A turn was served; callers whose turns are all over need not be remembered. */
export function served(state: ResidencyState, { turn: last }: Waiter): ResidencyState {
  const turn = Math.max(state.turn, last);
  const turns = Object.fromEntries(Object.entries(state.turns).filter(([, latest]) => latest > turn));
  return { ...state, turn, turns };
}

/** Places near the front are told one by one, those further behind when they have moved by a share. */
const NEAR = 10;
const STEP = 0.1;

/**
 * Whoever is served moves up everybody behind: told each time, a queue of n would cost n² events, which are all that the
 * process then does. A place that was told is never more than STEP of itself from the true one.
 */
function isTold({ position: told }: Waiter, ahead: number): boolean {
  if (told === null) return false;
  return told === ahead || (ahead > NEAR && Math.abs(told - ahead) <= told * STEP);
}

export function withPositions(waiting: readonly Waiter[]): [readonly Waiter[], ResidencyEffect[]] {
  const effects: ResidencyEffect[] = [];
  const numbered = waiting.map((waiter, ahead) => {
    if (isTold(waiter, ahead)) return waiter;
    effects.push({ type: 'position', waiterId: waiter.id, ahead });
    return { ...waiter, position: ahead };
  });
  return [numbered, effects];
}

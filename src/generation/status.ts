import { setTimeout as delay } from 'node:timers/promises';

/** A state that is looked at: what changes is told, what does not is not. */
export interface Watched<State> {
  readonly look: () => State | Promise<State>;
  /** Two states with the same key are the same for whoever is told. */
  readonly keyOf: (state: State) => string;
  /** How soon a change is noticed, milliseconds; changes that come faster are told as one. */
  readonly everyMs: number;
}

/** The state now, and again whenever it has changed. */
export async function* statusOf<State>(
  { look, keyOf, everyMs }: Watched<State>,
  signal: AbortSignal,
): AsyncGenerator<State> {
  let before: string | null = null;
  while (!signal.aborted) {
    const state = await look();
    const key = keyOf(state);
    if (key !== before) yield state;
    before = key;
    await delay(everyMs, undefined, { signal }).catch(() => undefined);
  }
}

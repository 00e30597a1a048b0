import { describe, expect, it } from 'vitest';
import { EMPTY_RESIDENCY, type ResidencyState } from '../../src/routing/residency-state.ts';
import { planOf, play, requested, residentId, types } from './residency-events.ts';

/** Residents that are loaded and idle: of each its bytes, how long it took to load and when it was last used. */
function idle(
  residents: Readonly<Record<string, { bytes: number; loadMs?: number; usedAt?: number; pins?: boolean }>>,
): ResidencyState {
  let state = EMPTY_RESIDENCY;
  for (const [name, { bytes, loadMs = 0, usedAt = 0, pins = false }] of Object.entries(residents)) {
    [state] = play([requested(`first-${name}`, planOf(name, { bytes }), { pins })], state);
    const id = residentId(state, name);
    [state] = play(
      [
        { type: 'loaded', residentId: id, loadMs },
        { type: 'released', residentId: id, callerId: null, at: usedAt },
      ],
      state,
    );
  }
  return state;
}

/** The variants that leave for one that needs so many bytes. */
function leaving(state: ResidencyState, bytes: number, at: number): string[] {
  const [, effects] = play([requested('new', planOf('new', { bytes }), { at })], state);
  return effects.flatMap((effect) =>
    effect.type === 'unload'
      ? [state.residents.find(({ id }) => id === effect.residentId)!.plan.variantId]
      : [],
  );
}

describe('eviction', () => {
  it('never takes what is pinned', () => {
    const both = { A: { bytes: 50, usedAt: 1 }, B: { bytes: 50, usedAt: 9 } };
    expect(leaving(idle(both), 50, 10)).toEqual(['A']);
    expect(leaving(idle({ ...both, A: { ...both.A, pins: true } }), 50, 10)).toEqual(['B']);
    expect(leaving(idle({ ...both, A: { ...both.A, pins: true } }), 60, 10)).toEqual([]);
  });

  it('never takes what was pinned after it was loaded', () => {
    const [pinned] = play(
      [
        requested('pin', planOf('A'), { pins: true }),
        { type: 'released', residentId: 'A@first-A', callerId: null, at: 5 },
      ],
      idle({ A: { bytes: 60 } }),
    );
    expect(leaving(pinned, 60, 100)).toEqual([]);
  });

  it.each([
    // Idle for 100 and 10 times as long as they took to load.
    [{ loadMs: 99, usedAt: 0 }, { loadMs: 999, usedAt: 0 }, 'A'],
    // The one that was used last goes, as it is back at once.
    [{ loadMs: 60_000, usedAt: 0 }, { loadMs: 10, usedAt: 9_000 }, 'B'],
    // Equally quick to have back: the one that is idle longer goes.
    [{ loadMs: 100, usedAt: 8_000 }, { loadMs: 100, usedAt: 2_000 }, 'B'],
  ])('of %j and %j takes the one that is idle longer for its time to load', (a, b, expected) => {
    const state = idle({ A: { bytes: 50, ...a }, B: { bytes: 50, ...b } });
    expect(leaving(state, 40, 10_000)).toEqual([expected]);
  });

  it('takes no more than it must', () => {
    const three = idle({
      A: { bytes: 20, usedAt: 1 },
      B: { bytes: 30, usedAt: 2 },
      C: { bytes: 50, usedAt: 3 },
    });
    expect(leaving(three, 20, 10)).toEqual(['A']);
    expect(leaving(three, 50, 10)).toEqual(['A', 'B']);
    expect(leaving(three, 70, 10)).toEqual(['A', 'C']);
    expect(leaving(idle({ A: { bytes: 20 }, B: { bytes: 80, usedAt: 2 } }), 80, 10)).toEqual(['B']);
  });
});

describe('two callers with memory for one', () => {
  const LOAD_MS = 1000;
  const STAYS_MS = 5 * LOAD_MS;

  /** A was loaded and idle; B came and is loaded at 10 s, taking 1 s to load. */
  function swapped(): { state: ResidencyState; b: string } {
    const start = idle({ A: { bytes: 60, loadMs: LOAD_MS, usedAt: 100 } });
    const [swapping, effects] = play([requested('b1', planOf('B'), { at: 9000 })], start);
    expect(types(effects)).toContain('unload');
    expect(types(effects)).not.toContain('wake');
    const [loading, loads] = play([{ type: 'gone', residentId: 'A@first-A', at: 9000 }], swapping);
    expect(types(loads)).toContain('load');
    const b = residentId(loading, 'B');
    const [state] = play(
      [
        { type: 'loaded', residentId: b, at: 10_000, loadMs: LOAD_MS },
        { type: 'released', residentId: b, callerId: null, at: 10_100 },
      ],
      loading,
    );
    return { state, b };
  }

  it('swap at once the first time, and back only when the other has stayed its time', () => {
    const { state, b } = swapped();
    const [waiting, effects] = play([requested('a2', planOf('A'), { at: 10_200 })], state);
    expect(types(effects)).not.toContain('unload');
    expect(effects).toContainEqual({ type: 'wake', at: 10_000 + STAYS_MS });

    const [early, tooEarly] = play([{ type: 'woken', at: 10_000 + STAYS_MS - 1 }], waiting);
    expect(tooEarly).toEqual([{ type: 'wake', at: 10_000 + STAYS_MS }]);
    const [back, unloads] = play([{ type: 'woken', at: 10_000 + STAYS_MS }], early);
    expect(unloads).toContainEqual({ type: 'unload', residentId: b });
    const [, loads] = play([{ type: 'gone', residentId: b, at: 10_000 + STAYS_MS }], back);
    expect(loads).toMatchObject([{ type: 'load', plan: { variantId: 'A' } }]);
  });

  it('serve meanwhile whoever wants what is loaded', () => {
    const { state, b } = swapped();
    const [, effects] = play(
      [requested('a2', planOf('A'), { at: 10_200 }), requested('b2', planOf('B'), { at: 10_300 })],
      state,
    );
    expect(effects).toContainEqual({ type: 'grant', waiterId: 'b2', residentId: b });
  });

  it('swap back at once where the other has stayed its time already', () => {
    const { state, b } = swapped();
    const [, effects] = play([requested('a2', planOf('A'), { at: 10_000 + STAYS_MS })], state);
    expect(effects).toContainEqual({ type: 'unload', residentId: b });
    expect(types(effects)).not.toContain('wake');
  });

  it('make a third wait for nothing', () => {
    const { state, b } = swapped();
    const [, effects] = play([requested('c1', planOf('C'), { at: 10_200 })], state);
    expect(effects).toContainEqual({ type: 'unload', residentId: b });
  });

  it('wait for a minute at most', () => {
    const start = idle({ A: { bytes: 60, usedAt: 100 } });
    const [swapping] = play([requested('b1', planOf('B'), { at: 200 })], start);
    const [loading] = play([{ type: 'gone', residentId: 'A@first-A', at: 200 }], swapping);
    const b = residentId(loading, 'B');
    const [, effects] = play(
      [
        { type: 'loaded', residentId: b, at: 100_000, loadMs: 99_000 },
        { type: 'released', residentId: b, callerId: null, at: 100_001 },
        requested('a2', planOf('A'), { at: 100_002 }),
      ],
      loading,
    );
    expect(effects).toContainEqual({ type: 'wake', at: 160_000 });
  });
});

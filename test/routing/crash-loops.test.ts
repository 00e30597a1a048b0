import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crashLoops, LOOP_CRASHES, withCrash, type CrashRecord } from '../../src/routing/crash-loops.ts';
import { reduce } from '../../src/routing/residency.ts';
import { EMPTY_RESIDENCY, type ResidencyState } from '../../src/routing/residency-state.ts';
import { planOf, play, requested, residentId, timed, types } from './residency-events.ts';

const CRASH = { reason: 'SIGSEGV', random: 0 };

/** Asks for A, which is loaded and then dies, `crashes` times; at one second after the other. */
function crashing(crashes: number, from: ResidencyState = EMPTY_RESIDENCY): ResidencyState {
  let state = from;
  for (let count = 0; count < crashes; count++) {
    const at = state.at + 1000;
    [state] = play([requested(`a${at}`, planOf('A'), { at })], state);
    const id = residentId(state, 'A');
    [state] = play(
      [
        { type: 'loaded', residentId: id, at },
        { type: 'gone', residentId: id, crash: CRASH, at },
      ],
      state,
    );
  }
  return state;
}

describe('a variant that crashes again and again', () => {
  it('is loaded again at once at first, and from then on refused with why', () => {
    const few = crashing(LOOP_CRASHES - 1);
    expect(types(play([requested('g', planOf('A'), { at: few.at })], few)[1])).toContain('load');
    expect(crashLoops(few.crashes)).toEqual([]);

    const often = crashing(1, few);
    const [after, effects] = play([requested('g', planOf('A'), { at: often.at })], often);
    const record = { variantId: 'A', deviceId: 'gpu', crashes: LOOP_CRASHES, reason: 'SIGSEGV' };
    expect(effects).toEqual([
      { type: 'holdOff', waiterId: 'g', record: expect.objectContaining(record) as unknown },
    ]);
    expect(after.waiting).toEqual([]);
    expect(crashLoops(after.crashes)).toMatchObject([record]);
  });

  it('refuses who waits for it already, and keeps nobody from another variant', () => {
    let state = crashing(LOOP_CRASHES - 1);
    const { at } = state;
    [state] = play([requested('a', planOf('A'), { at })], state);
    const id = residentId(state, 'A');
    [state] = play(
      [
        { type: 'loaded', residentId: id, at },
        requested('waits', planOf('A'), { at }),
        requested('other', planOf('B'), { at }),
      ],
      state,
    );
    const [, effects] = play([{ type: 'gone', residentId: id, crash: CRASH, at }], state);
    expect(effects).toContainEqual(expect.objectContaining({ type: 'holdOff', waiterId: 'waits' }));
    expect(effects).toContainEqual(
      expect.objectContaining({ type: 'load', plan: expect.objectContaining({ variantId: 'B' }) as unknown }),
    );
  });

  it('is tried again after the wait; a crash doubles it, an answer ends it', () => {
    const state = crashing(LOOP_CRASHES);
    const [{ at, until }] = state.crashes as [CrashRecord];
    const again = requested('g', planOf('A'), { at: until });
    const [loading, effects] = play([again], state);
    expect(types(effects)).toContain('load');
    const id = residentId(loading, 'A');
    const crashed = play([{ type: 'loadFailed', residentId: id, crash: CRASH, at: until }], loading)[0];
    expect(crashed.crashes[0]!.until - crashed.crashes[0]!.at).toBe(2 * (until - at));

    const answered = play(
      [
        { type: 'loaded', residentId: id, at: until },
        { type: 'released', callerId: null, residentId: id, at: until, hasAnswered: true },
      ],
      loading,
    )[0];
    expect(answered.crashes).toEqual([]);
    const cancelled = play(
      [
        { type: 'loaded', residentId: id, at: until },
        { type: 'released', callerId: null, residentId: id, at: until },
      ],
      loading,
    )[0];
    expect(cancelled.crashes).toEqual(state.crashes);
  });

  it('waits longer and longer, never too long, and is forgotten when it has been quiet', () => {
    const step = fc.record({
      pauseMs: fc.nat(2_000_000),
      random: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let records: readonly CrashRecord[] = [];
        let at = 0;
        for (const { pauseMs, random } of steps) {
          const before = records[0];
          at += pauseMs;
          records = withCrash(records, planOf('A'), { reason: '', random }, at);
          const { crashes, until } = records[0]!;
          const isForgotten = before === undefined || at - before.until > 600_000;
          expect(crashes).toBe(isForgotten ? 1 : before.crashes + 1);
          const fullMs = crashes < LOOP_CRASHES ? 0 : Math.min(300_000, 2000 * 2 ** (crashes - LOOP_CRASHES));
          expect(until - at).toBeLessThanOrEqual(fullMs);
          expect(until - at).toBeGreaterThanOrEqual(0.75 * fullMs);
        }
      }),
    );
  });

  it('never loads within a wait, whatever else happens', () => {
    const event = fc.record({
      variant: fc.constantFrom('A', 'B'),
      kind: fc.constantFrom('ask', 'load', 'crash', 'answer'),
      laterMs: fc.nat(3000),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        let state = EMPTY_RESIDENCY;
        let at = 0;
        for (const [index, { variant, kind, laterMs }] of events.entries()) {
          at += laterMs;
          const held: string[] = state.crashes
            .filter(({ until }) => at < until)
            .map(({ variantId }) => variantId);
          const id = state.residents.find(({ plan }) => plan.variantId === variant)?.id;
          if (kind !== 'ask' && id === undefined) continue;
          const next =
            kind === 'ask'
              ? requested(`g${index}`, planOf(variant, { bytes: 40 }), { at })
              : kind === 'load'
                ? ({ type: 'loaded', residentId: id!, at } as const)
                : kind === 'crash'
                  ? ({ type: 'gone', residentId: id!, crash: CRASH, at } as const)
                  : ({ type: 'released', callerId: null, residentId: id!, at, hasAnswered: true } as const);
          const [after, effects] = reduce(state, timed(next));
          const endsRow: string[] = kind === 'answer' ? [variant] : [];
          for (const effect of effects)
            if (effect.type === 'load')
              expect(held.filter((each) => !endsRow.includes(each))).not.toContain(effect.plan.variantId);
          state = after;
        }
      }),
    );
  });
});

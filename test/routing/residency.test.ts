import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reduce } from '../../src/routing/residency.ts';
import {
  EMPTY_RESIDENCY,
  type ResidencyEffect,
  type ResidencyEvent,
  type ResidencyState,
} from '../../src/routing/residency-state.ts';
import {
  MEMORY,
  planOf,
  play,
  requested,
  residentId,
  timed,
  types,
  type WithoutTime,
} from './residency-events.ts';

describe('residency', () => {
  it('loads, then grants', () => {
    const [loading, effects] = play([requested('g1', planOf('A'))]);
    expect(types(effects)).toEqual(['position', 'load']);
    const [, after] = play([{ type: 'loaded', residentId: residentId(loading, 'A'), at: 1 }], loading);
    expect(after).toEqual([{ type: 'grant', waiterId: 'g1', residentId: residentId(loading, 'A') }]);
  });

  it('serves the waiting by priority, then in order, and tells positions', () => {
    const [loading] = play([requested('g1', planOf('A'))]);
    const id = residentId(loading, 'A');
    const [busy] = play([{ type: 'loaded', residentId: id, at: 1 }], loading);
    const [queued] = play(
      [
        requested('g2', planOf('A')),
        requested('g3', planOf('A')),
        requested('g4', planOf('A'), { priority: 5 }),
      ],
      busy,
    );
    expect(queued.waiting.map((waiter) => waiter.id)).toEqual(['g4', 'g2', 'g3']);
    const [, effects] = play([{ type: 'released', residentId: id, callerId: null, at: 2 }], queued);
    expect(effects).toContainEqual({ type: 'grant', waiterId: 'g4', residentId: id });
    expect(effects).toContainEqual({ type: 'position', waiterId: 'g2', ahead: 0 });
  });

  it('lets a caller hold as many slots as one may, and then those behind it go first', () => {
    const plan = planOf('A', { slots: 3 });
    const from = { ...EMPTY_RESIDENCY, mostHeld: 1 };
    const many = ['g1', 'g2', 'g3'].map((id) => requested(id, plan, { callerId: 'many' }));
    const [loading] = play([...many, requested('g4', plan, { callerId: 'one' })], from);
    const a = residentId(loading, 'A');
    const [full, granted] = play([{ type: 'loaded', residentId: a, at: 1 }], loading);
    expect(granted.flatMap((effect) => (effect.type === 'grant' ? [effect.waiterId] : []))).toEqual([
      'g1',
      'g4',
    ]);
    expect(full.held).toEqual({ many: 1, one: 1 });
    const another = requested('g5', planOf('B', { bytes: 30 }), { callerId: 'many' });
    expect(types(play([another], full)[1])).toEqual(['position']);
    const [, next] = play([{ type: 'released', residentId: a, callerId: 'many', at: 2 }], full);
    expect(next).toContainEqual({ type: 'grant', waiterId: 'g2', residentId: a });
    const [left] = play([{ type: 'released', residentId: a, callerId: 'one', at: 2 }], full);
    expect(left.held).toEqual({ many: 1 });
  });

  it('tells a long queue its places without telling everybody each time', () => {
    const count = 200;
    const [loading] = play([requested('g0', planOf('A'))]);
    const id = residentId(loading, 'A');
    let [state] = play([{ type: 'loaded', residentId: id, at: 1 }], loading);
    const places = new Map<string, number>();
    let told = 0;
    for (let index = 1; index <= count; index++) [state] = play([requested(`g${index}`, planOf('A'))], state);
    for (const { id: waiter, position } of state.waiting) places.set(waiter, position!);
    while (state.waiting.length > 0) {
      const [next, effects] = play([{ type: 'released', residentId: id, callerId: null, at: 2 }], state);
      state = next;
      for (const effect of effects) {
        if (effect.type !== 'position') continue;
        places.set(effect.waiterId, effect.ahead);
        told++;
      }
      for (const [ahead, waiter] of state.waiting.entries()) {
        const off = Math.abs(places.get(waiter.id)! - ahead);
        expect(off, `${ahead} ahead`).toBeLessThanOrEqual(ahead <= 10 ? 0 : ahead * 0.12);
      }
    }
    expect(told).toBeLessThan(count * 40);
  });

  it('evicts the idle, least recently used first, and never a busy one', () => {
    const small = (name: string) => planOf(name, { bytes: 40 });
    let [state] = play([requested('g1', small('A')), requested('g2', small('B'))]);
    const [a, b] = [residentId(state, 'A'), residentId(state, 'B')];
    [state] = play(
      [
        { type: 'loaded', residentId: a, at: 1 },
        { type: 'loaded', residentId: b, at: 2 },
      ],
      state,
    );
    const [waiting, none] = play([requested('g3', planOf('C'))], state);
    expect(types(none)).toEqual(['position']);
    const [idle, evicted] = play(
      [
        { type: 'released', residentId: a, callerId: null, at: 3 },
        { type: 'released', residentId: b, callerId: null, at: 4 },
      ],
      waiting,
    );
    expect(evicted).toContainEqual({ type: 'unload', residentId: a });
    expect(evicted).not.toContainEqual({ type: 'unload', residentId: b });
    const [, loads] = play([{ type: 'gone', residentId: a }], idle);
    expect(types(loads)).toContain('load');
  });

  it('evicts what was pinned as soon as it is let go', () => {
    let [state] = play([requested('g1', planOf('A'), { pins: true })]);
    const a = residentId(state, 'A');
    const at = 100_000;
    [state] = play(
      [
        { type: 'loaded', residentId: a, at: 1 },
        { type: 'released', residentId: a, callerId: null, at: 2 },
        requested('g2', planOf('B'), { at }),
      ],
      state,
    );
    expect(state.waiting.map(({ id }) => id)).toEqual(['g2']);
    const [, effects] = play([{ type: 'pinned', residentId: a, isPinned: false, at }], state);
    expect(types(effects)).toContain('unload');
  });

  it('lets nobody overtake one that waits for memory', () => {
    let [state] = play([requested('g1', planOf('A', { slots: 2 }))]);
    const a = residentId(state, 'A');
    [state] = play([{ type: 'loaded', residentId: a, at: 1 }, requested('g2', planOf('B'))], state);
    const [, effects] = play([requested('g3', planOf('A', { slots: 2 }))], state);
    expect(types(effects)).not.toContain('grant');
  });

  it('refuses just those who needed the load that failed', () => {
    const [state] = play([
      requested('g1', planOf('A', { bytes: 40 })),
      requested('g2', planOf('B', { bytes: 40 })),
    ]);
    const [after, effects] = play([{ type: 'loadFailed', residentId: residentId(state, 'A') }], state);
    expect(effects.filter(({ type }) => type === 'refuse')).toMatchObject([{ waiterId: 'g1' }]);
    expect(after.waiting.map(({ id }) => id)).toEqual(['g2']);
  });

  it('loads again for those who wait when a resident is lost', () => {
    let [state] = play([requested('g1', planOf('A'))]);
    const a = residentId(state, 'A');
    [state] = play([{ type: 'loaded', residentId: a, at: 1 }, requested('g2', planOf('A'))], state);
    const [, effects] = play([{ type: 'gone', residentId: a }], state);
    expect(types(effects)).toContain('load');
  });

  describe('who wants only what is loaded', () => {
    const onlyLoaded = true;
    const refusal = { type: 'refuse', waiterId: 'p1', residentId: null };

    it('gets a free slot of it', () => {
      let [state] = play([requested('g1', planOf('A', { slots: 2 }))]);
      const a = residentId(state, 'A');
      [state] = play([{ type: 'loaded', residentId: a, at: 1 }], state);
      const [, effects] = play([requested('p1', planOf('A'), { onlyLoaded })], state);
      expect(effects).toEqual([{ type: 'grant', waiterId: 'p1', residentId: a }]);
    });

    it('waits for a slot, and is refused when the model leaves meanwhile', () => {
      const [state] = play([requested('g1', planOf('A'))]);
      const a = residentId(state, 'A');
      const loaded = { type: 'loaded', residentId: a, at: 1 } as const;
      const [waiting, none] = play([loaded, requested('p1', planOf('A'), { onlyLoaded })], state);
      expect(types(none)).toEqual(['grant', 'position']);
      const [, granted] = play([{ type: 'released', residentId: a, callerId: null, at: 2 }], waiting);
      expect(granted).toContainEqual({ type: 'grant', waiterId: 'p1', residentId: a });
      const [gone, refused] = play([{ type: 'gone', residentId: a }], waiting);
      expect(refused).toEqual([refusal]);
      expect(gone.waiting).toEqual([]);
    });

    it('is refused where nothing is, where it still loads and where it unloads, and nothing is loaded for it', () => {
      expect(play([requested('p1', planOf('A'), { onlyLoaded })])[1]).toEqual([refusal]);
      const [loading] = play([requested('g1', planOf('A'))]);
      expect(play([requested('p1', planOf('A'), { onlyLoaded })], loading)[1]).toEqual([refusal]);
      const a = residentId(loading, 'A');
      const [unloading] = play(
        [
          { type: 'loaded', residentId: a, at: 1 },
          { type: 'released', residentId: a, callerId: null, at: 2 },
          { type: 'unloadRequested', residentId: a, at: 3 },
        ],
        loading,
      );
      expect(play([requested('p1', planOf('A'), { onlyLoaded })], unloading)[1]).toEqual([refusal]);
    });

    it('does not overtake one that waits for the memory', () => {
      let [state] = play([requested('g1', planOf('A', { slots: 2 }))]);
      const a = residentId(state, 'A');
      [state] = play([{ type: 'loaded', residentId: a, at: 1 }, requested('g2', planOf('B'))], state);
      const [waiting, effects] = play([requested('p1', planOf('A'), { onlyLoaded })], state);
      expect(types(effects)).toEqual(['position']);
      const [, freed] = play([{ type: 'released', residentId: a, callerId: null, at: 2 }], waiting);
      expect(freed).toContainEqual({ type: 'unload', residentId: a });
      expect(freed).toContainEqual(refusal);
    });
  });

  it('never exceeds memory or slots, and serves everyone, whatever happens', () => {
    const step = fc.record({
      kind: fc.constantFrom('request', 'borrow', 'finish', 'crash', 'fail', 'withdraw'),
      variant: fc.constantFrom('A', 'B', 'C', 'D'),
      pick: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(1, 2, Infinity), (steps, mostHeld) => {
        const world = new World(mostHeld);
        for (const { kind, variant, pick } of steps) world[kind](pick, variant);
        world.settle();
        expect(world.unserved()).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});

const CALLERS = ['one', 'other'];
const callerOf = (waiterId: string): string => waiterId.split('-')[1]!;

/** Performs the effects as the loop does, and checks the invariants after every event. */
class World {
  #wakeAt: number | null = null;
  #state: ResidencyState;
  #count = 0;
  readonly #loading: string[] = [];
  readonly #running: { waiterId: string; residentId: string }[] = [];
  readonly #fate = new Map<string, 'waiting' | 'granted' | 'refused' | 'withdrawn'>();

  constructor(mostHeld: number) {
    this.#state = { ...EMPTY_RESIDENCY, mostHeld };
  }

  request(pick: number, variant: string): void {
    const callerId = CALLERS[pick % CALLERS.length]!;
    const id = `g${this.#count++}-${callerId}`;
    this.#fate.set(id, 'waiting');
    const plan = planOf(variant, { slots: 2, bytes: 30 + 10 * 'ABCD'.indexOf(variant) });
    this.#dispatch(requested(id, plan, { callerId }));
  }
  borrow(pick: number, variant: string): void {
    const callerId = CALLERS[pick % CALLERS.length]!;
    const id = `p${this.#count++}-${callerId}`;
    this.#fate.set(id, 'waiting');
    const loads = this.#loading.length;
    const plan = planOf(variant, { slots: 2, bytes: 30 + 10 * 'ABCD'.indexOf(variant) });
    this.#dispatch(requested(id, plan, { onlyLoaded: true, callerId }));
    expect(this.#loading).toHaveLength(loads);
  }
  finish(pick: number): void {
    if (this.#loading.length > 0 && pick % 2 === 0) return this.#loadEnds('loaded');
    const [lease] = this.#running.splice(pick % Math.max(1, this.#running.length), 1);
    if (lease) this.#release(lease);
  }
  crash(pick: number): void {
    const ready = this.#state.residents.filter(({ status }) => status === 'ready');
    const lost = ready[pick % Math.max(1, ready.length)];
    if (!lost) return;
    this.#dispatch({ type: 'gone', residentId: lost.id });
    for (const lease of this.#running.filter(({ residentId }) => residentId === lost.id)) {
      this.#running.splice(this.#running.indexOf(lease), 1);
      this.#release(lease);
    }
  }
  fail(): void {
    this.#loadEnds('loadFailed');
  }
  withdraw(pick: number): void {
    const waiter = this.#state.waiting[pick % Math.max(1, this.#state.waiting.length)];
    if (!waiter) return;
    this.#fate.set(waiter.id, 'withdrawn');
    this.#dispatch({ type: 'withdrawn', waiterId: waiter.id });
  }
  /** Lets everything end that can. */
  settle(): void {
    for (let turn = 0; turn < 1000 && this.#isBusy(); turn++) {
      if (this.#wakeAt !== null) this.#wake(this.#wakeAt);
      this.finish(turn);
    }
  }
  unserved(): string[] {
    return [...this.#fate].filter(([, fate]) => fate === 'waiting').map(([id]) => id);
  }

  #release({ waiterId, residentId }: { waiterId: string; residentId: string }): void {
    this.#dispatch({ type: 'released', residentId, callerId: callerOf(waiterId), at: this.#count++ });
  }
  #isBusy(): boolean {
    return this.#loading.length > 0 || this.#running.length > 0 || this.#wakeAt !== null;
  }
  #wake(at: number): void {
    this.#wakeAt = null;
    this.#count = Math.max(this.#count, at);
    this.#dispatch({ type: 'woken' });
  }
  #loadEnds(type: 'loaded' | 'loadFailed'): void {
    const residentId = this.#loading.shift();
    if (residentId !== undefined) this.#dispatch({ type, residentId, loadMs: this.#count % 7 });
  }
  #dispatch(event: WithoutTime<ResidencyEvent>): void {
    const [state, effects] = reduce(this.#state, timed({ ...event, at: this.#count++ }));
    this.#state = state;
    const used = state.residents.reduce((total, { needs }) => total + needs['gpu']!, 0);
    expect(used).toBeLessThanOrEqual(MEMORY);
    for (const { busySlots, plan } of state.residents) expect(busySlots).toBeLessThanOrEqual(plan.slots);
    for (const effect of effects) this.#perform(effect);
  }
  #perform(effect: ResidencyEffect): void {
    if (effect.type === 'wake') this.#wakeAt = effect.at;
    if (effect.type === 'load') this.#loading.push(effect.residentId);
    if (effect.type === 'unload') {
      expect(this.#running.some(({ residentId }) => residentId === effect.residentId)).toBe(false);
      this.#dispatch({ type: 'gone', residentId: effect.residentId });
    }
    if (effect.type !== 'grant' && effect.type !== 'refuse') return;
    expect(this.#fate.get(effect.waiterId)).toBe('waiting');
    this.#fate.set(effect.waiterId, effect.type === 'grant' ? 'granted' : 'refused');
    if (effect.type !== 'grant') return;
    const held = this.#running.filter(({ waiterId }) => callerOf(waiterId) === callerOf(effect.waiterId));
    // Who borrows is let through.
    if (effect.waiterId.startsWith('g')) expect(held.length).toBeLessThan(this.#state.mostHeld);
    this.#running.push(effect);
  }
}

import type { Figure, Run, Summary } from './schema.ts';
import { FIGURES } from './figures.ts';
import { medianRatio, shareOf, spreadOf } from './statistics.ts';

type Counted = Figure | 'hasDrifted' | 'isSameText';

/** Kinds of failures that are told apart, and what is kept of each message. */
const MOST_FAILURES = 20;
const MAX_MESSAGE = 500;

const KEYS: readonly Counted[] = [...FIGURES.map(({ key }) => key), 'hasDrifted', 'isSameText'];

/** What is kept of a lane: numbers by the run, texts never. */
class LaneTally {
  readonly values = new Map<Counted, Map<number, number>>(KEYS.map((key) => [key, new Map()]));
  readonly states = new Map<number, Run['state']>();
  readonly failures = new Map<string, { code: string; message: string; runs: number[] }>();

  of = (key: Counted): Map<number, number> => this.values.get(key)!;

  add(at: number, run: Run): void {
    this.states.set(at, run.state);
    if (run.error !== null) this.#fail(at, run.error);
    if (run.state !== 'COMPLETED') return;
    for (const key of KEYS) this.#note(at, key, run[key]);
  }

  #note(at: number, key: Counted, value: number | boolean | null): void {
    if (value !== null) this.of(key).set(at, Number(value));
  }

  #fail(at: number, { code, message }: { code: string; message: string }): void {
    const shown = message.slice(0, MAX_MESSAGE);
    const key = `${code} ${shown}`;
    const known = this.failures.get(key);
    if (known !== undefined) known.runs.push(at);
    else if (this.failures.size < MOST_FAILURES) this.failures.set(key, { code, message: shown, runs: [at] });
  }
}

/** Counts runs as they come; memory grows by numbers alone. */
export class RunTally {
  readonly #lanes: readonly LaneTally[];
  readonly #prompts: number;
  #warmUps = 0;
  #repetitions = 0;

  constructor(lanes: number, prompts: number) {
    this.#lanes = Array.from({ length: lanes }, () => new LaneTally());
    this.#prompts = prompts;
  }

  /** `prompt` is its index. */
  add(run: Run, prompt: number): void {
    this.#repetitions = Math.max(this.#repetitions, run.repetition + 1);
    this.#lanes[run.lane]!.add(run.repetition * this.#prompts + prompt, run);
  }

  /** Of the runs of a warm-up their loads count: mostly there are no others. */
  addWarmUp(runs: readonly Run[]): void {
    this.#warmUps++;
    for (const { lane, loadMs } of runs)
      if (loadMs !== null) this.#lanes[lane]!.of('loadMs').set(-this.#warmUps, loadMs);
  }

  /** Per lane, over all prompts. */
  summaries(): Summary[] {
    return this.#lanes.map((lane) => summary(lane, this.#lanes[0]!));
  }

  /** Per lane, of one prompt. */
  summariesOf(prompt: number): Summary[] {
    const runs = Array.from({ length: this.#repetitions }, (_, at) => at * this.#prompts + prompt);
    const lanes = this.#lanes.map((lane) => part(lane, runs));
    return lanes.map((lane) => summary(lane, lanes[0]!));
  }
}

function part(lane: LaneTally, runs: readonly number[]): LaneTally {
  const own = new LaneTally();
  for (const run of runs) {
    const state = lane.states.get(run);
    if (state !== undefined) own.states.set(run, state);
    for (const key of KEYS) {
      const value = lane.of(key).get(run);
      if (value !== undefined) own.of(key).set(run, value);
    }
  }
  const wanted = new Set(runs);
  for (const [key, failure] of lane.failures) {
    const ofThese = failure.runs.filter((run) => wanted.has(run));
    if (ofThese.length > 0) own.failures.set(key, { ...failure, runs: ofThese });
  }
  return own;
}

function summary(lane: LaneTally, reference: LaneTally): Summary {
  const states = [...lane.states.values()];
  const inState = (state: Run['state']) => states.filter((each) => each === state).length;
  const ofEach = <Value>(read: (key: Figure) => Value) =>
    Object.fromEntries(FIGURES.map(({ key }) => [key, read(key)])) as Record<Figure, Value>;
  return {
    completed: inState('COMPLETED'),
    failed: inState('FAILED'),
    cancelled: inState('CANCELLED'),
    failures: [...lane.failures.values()].map(({ code, message, runs }) => ({
      code,
      message,
      count: runs.length,
    })),
    spreads: ofEach((key) => spreadOf([...lane.of(key).values()])),
    ratios: ofEach((key) => medianRatio(lane.of(key), reference.of(key))),
    driftShare: shareOf([...lane.of('hasDrifted').values()]),
    sameTextShare: shareOf([...lane.of('isSameText').values()]),
  };
}

import { randomInt, randomUUID } from 'node:crypto';
import { setTimeout as setTimeoutPromise } from 'node:timers/promises';
import { MixgateError } from '../../errors.ts';
import type { Generation } from '../generation.ts';
import type { Generations } from '../generations.ts';
import { Comparison, type ComparisonLane } from './comparison.ts';
import { ofLane, type ComparisonRequest, type LaneRequest, type LaneSchedule } from './comparison-request.ts';
import type { EnergyMeter, EnergySpan } from './energy.ts';
import { rerunRequest } from './rerun.ts';
import { scheduleLanes, type Scheduled, type ScheduleServices } from './schedule.ts';
import type { ComparisonStore } from './store.ts';
import { winRates, type Vote, type WinRate } from './votes.ts';

export interface ComparisonsOptions extends ScheduleServices {
  readonly generations: Generations;
  readonly store: ComparisonStore;
  readonly energy: EnergyMeter;
  readonly now: () => number;
  /** How long a comparison goes on after its last subscriber left, milliseconds. */
  readonly disconnectGraceMs: number;
}

/** How long a reader may take for the rest of an ended comparison at shutdown. */
const READERS_MS = 2000;

const NEVER = new AbortController().signal;

/** Starts comparisons and finds them again. */
export class Comparisons {
  readonly #options: ComparisonsOptions;
  readonly #running = new Map<string, Promise<unknown>>();

  constructor(options: ComparisonsOptions) {
    this.#options = options;
  }

  /** Plans, starts and returns. @throws what `Generations.start` throws, and NO_PLAN_FITS for TOGETHER where lanes do not fit at once */
  async start(request: ComparisonRequest, callerId: string): Promise<Comparison> {
    const { planner, machine, now } = this.#options;
    await machine.refresh();
    const asked = request.lanes.map((lane, inputIndex) => ({ ...lane, inputIndex }));
    asked.forEach(({ generation }, index) => ofLane(index, () => planner.check({ ...generation, slots: 1 })));
    const schedule = await scheduleLanes(
      request.schedule,
      asked.map(({ generation }) => generation),
      this.#options,
    );
    const planned = asked.map((lane) => ({ ...lane, plan: schedule.plans[lane.inputIndex]! }));
    const lanes = this.#startLanes(request.blind ? shuffled(planned) : planned, schedule, callerId);
    const comparison = new Comparison({
      id: randomUUID(),
      createdAt: new Date(now()),
      isBlind: request.blind,
      schedule: { taken: schedule.taken, reasons: schedule.reasons },
      lanes,
    });
    this.#options.store.add(comparison);
    if (request.onDisconnect === 'CANCEL') this.#cancelWhenLeft(comparison);
    const running = this.#follow(comparison);
    this.#running.set(comparison.id, running);
    void running.finally(() => this.#running.delete(comparison.id));
    return comparison;
  }

  /** The same once more, in the schedule given. @throws NOT_FOUND, and what `start` throws */
  async rerun(id: string, schedule: LaneSchedule, callerId: string): Promise<Comparison> {
    return this.start(rerunRequest(this.get(id), schedule), callerId);
  }

  find(id: string): Comparison | null {
    return this.#options.store.find(id);
  }

  /** @throws NOT_FOUND */
  get(id: string): Comparison {
    const comparison = this.find(id);
    if (comparison !== null) return comparison;
    throw new MixgateError('NOT_FOUND', `There is no comparison ${id}: it never was, or ended too long ago.`);
  }

  /** Newest first; `after` is the id of the last one seen. */
  list(first: number, after: string | null): { page: readonly Comparison[]; hasNextPage: boolean } {
    const newestFirst = this.#options.store.all().toReversed();
    const from = after === null ? 0 : newestFirst.findIndex(({ id }) => id === after) + 1;
    return { page: newestFirst.slice(from, from + first), hasNextPage: newestFirst.length > from + first };
  }

  /** Cancels every lane, and resolves when all have ended. @throws NOT_FOUND */
  async cancel(id: string): Promise<Comparison> {
    const comparison = this.get(id);
    cancelLanes(comparison);
    await this.#running.get(id);
    return comparison;
  }

  /** @throws NOT_FOUND; INVALID_INPUT before the end, and for a lane without a whole answer */
  vote(id: string, vote: Omit<Vote, 'isBlind' | 'createdAt'>): Comparison {
    const comparison = this.get(id);
    comparison.vote({ ...vote, createdAt: new Date(this.#options.now()) });
    return comparison;
  }

  /** Over all comparisons that are kept. */
  winRates(): WinRate[] {
    return winRates(this.#options.store.all().map(({ judged }) => judged));
  }

  /** After the generations have drained: every reader may read to the end, but not for ever. */
  async drain(): Promise<void> {
    await Promise.all(this.#running.values());
    const read = Promise.all(this.#options.store.all().map(({ log }) => log.unread()));
    await Promise.race([read, setTimeoutPromise(READERS_MS, undefined, { ref: false })]);
  }

  /** In turn, each waits for the one before it to have left its slot. All or none: where one may not start, the others are cancelled. */
  #startLanes(
    asked: readonly (LaneRequest & { inputIndex: number; plan: Scheduled['plans'][number] })[],
    { taken }: Scheduled,
    callerId: string,
  ): ComparisonLane[] {
    const { generations } = this.#options;
    const lanes: ComparisonLane[] = [];
    try {
      for (const { generation: request, plan: planned, label, inputIndex } of asked) {
        const before = lanes.at(-1)?.generation;
        const after = taken === 'IN_TURN' && before !== undefined ? generations.settled(before) : null;
        const generation = generations.start(request, callerId, { planned, after });
        lanes.push({ label, inputIndex, generation });
      }
    } catch (error) {
      lanes.forEach(({ generation }) => generation.cancel());
      throw error;
    }
    return lanes;
  }

  async #follow(comparison: Comparison): Promise<void> {
    await Promise.all(
      comparison.lanes.map(({ generation }, lane) => this.#followLane(comparison, lane, generation)),
    );
    comparison.log.end();
    this.#options.store.ended(comparison);
  }

  async #followLane(comparison: Comparison, lane: number, generation: Generation): Promise<void> {
    const energy = new LaneEnergy(generation, this.#options);
    for await (const event of generation.log.read(0, NEVER)) {
      if (event.type === 'TokenChunk') energy.begin();
      const visible = comparison.visible(event);
      if (visible !== null) comparison.log.append(lane, visible);
    }
    const joulesPerToken = await energy.end();
    if (joulesPerToken !== null) comparison.noteEnergy(lane, joulesPerToken);
  }

  #cancelWhenLeft(comparison: Comparison): void {
    let timer: NodeJS.Timeout | undefined;
    comparison.log.onReaders = (readers) => {
      clearTimeout(timer);
      if (readers === 0 && !comparison.finished)
        timer = setTimeout(() => cancelLanes(comparison), this.#options.disconnectGraceMs);
    };
  }
}

/** The last first, so that none gets its turn on the way. */
function cancelLanes({ lanes }: Comparison): void {
  for (const { generation } of lanes.toReversed()) generation.cancel();
}

/** What a lane consumes while it decodes, if nothing else runs meanwhile. */
class LaneEnergy {
  readonly #generation: Generation;
  readonly #options: Pick<ComparisonsOptions, 'energy' | 'residency'>;
  #span: EnergySpan | null = null;
  #tokensBefore: number | null = null;
  #wasAlone: () => boolean = () => false;

  constructor(generation: Generation, options: Pick<ComparisonsOptions, 'energy' | 'residency'>) {
    this.#generation = generation;
    this.#options = options;
  }

  /** With the first chunk; later ones change nothing. */
  begin(): void {
    const { plan, usage, hasEnded } = this.#generation;
    if (this.#tokensBefore !== null || plan === null || hasEnded) return;
    this.#tokensBefore = usage.completionTokens;
    this.#wasAlone = this.#options.residency.watchCompany();
    this.#span = this.#options.energy.begin(plan);
  }

  /** Joules per token. */
  async end(): Promise<number | null> {
    const wasAlone = this.#wasAlone();
    const tokens = this.#generation.usage.completionTokens - (this.#tokensBefore ?? 0);
    const joules = (await this.#span?.end()) ?? null;
    return joules === null || !wasAlone || tokens < 1 ? null : joules / tokens;
  }
}

/** Fisher and Yates. */
function shuffled<Item>(items: readonly Item[]): Item[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = randomInt(last + 1);
    [result[last], result[other]] = [result[other]!, result[last]!];
  }
  return result;
}

import { randomInt } from 'node:crypto';
import { setImmediate, setTimeout as setTimeoutPromise } from 'node:timers/promises';
import { v7 as newId } from 'uuid';
import type { Caller } from '../../access/caller.ts';
import { seenBy, type Viewer } from '../../access/ownership.ts';
import { asMixgateError, MixgateError } from '../../errors.ts';
import type { Trace } from '../../tracing/trace.ts';
import type { Generation } from '../generation.ts';
import type { Generations, StartOptions } from '../generations.ts';
import type { Archive, Page } from '../history/archive.ts';
import type { ComparisonFilter } from '../history/comparison-columns.ts';
import type { PageQuery } from '../history/history-store.ts';
import { CandidateProbe, type CandidatesOptions } from './candidates.ts';
import { Comparison, type ComparisonLane } from './comparison.ts';
import { ofLane, type ComparisonRequest, type LaneRequest, type LaneSchedule } from './comparison-request.ts';
import type { EnergyMeter, EnergySpan } from './energy.ts';
import { rerunRequest } from './rerun.ts';
import { scheduleLanes, type Scheduled, type ScheduleServices } from './schedule.ts';
import type { MemoryComparisonStore } from './store.ts';
import { winRates, type Vote, type WinRate } from './votes.ts';

export interface ComparisonsOptions extends ScheduleServices, CandidatesOptions {
  readonly generations: Generations;
  readonly archive: Archive;
  /** Those that run, and of the ended ones some. */
  readonly store: MemoryComparisonStore;
  readonly energy: EnergyMeter;
  readonly now: () => number;
  /** How long a comparison goes on after its last subscriber left, milliseconds. */
  readonly disconnectGraceMs: number;
}

/** Who asked for a comparison, in which request, and what its spans are under. */
interface Origin {
  readonly callerId: string;
  readonly requestId: string | null;
  readonly trace: Trace | null;
}

/** What the lanes of a comparison have in common. */
interface LaneContext extends Origin {
  readonly comparisonId: string;
  readonly probe: CandidateProbe;
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
  async start(
    request: ComparisonRequest,
    callerId: string,
    { requestId = null, trace: parent = null }: Pick<StartOptions, 'requestId' | 'trace'> = {},
  ): Promise<Comparison> {
    const attributes = { 'mixgate.comparison.lanes': request.lanes.length };
    const trace = parent?.child('comparison', attributes, this.#options.now()) ?? null;
    try {
      return await this.#start(request, { callerId, requestId, trace });
    } catch (error) {
      trace?.fail(asMixgateError(error).code);
      trace?.end();
      throw error;
    }
  }

  async #start(request: ComparisonRequest, origin: Origin): Promise<Comparison> {
    const { planner, machine, now, generations } = this.#options;
    const { callerId, trace } = origin;
    generations.checkRoom(
      request.lanes.map(({ generation }) => generation),
      callerId,
    );
    await machine.refresh();
    const asked = request.lanes.map((lane, inputIndex) => ({ ...lane, inputIndex }));
    asked.forEach(({ generation }, index) => ofLane(index, () => planner.check({ ...generation, slots: 1 })));
    const schedule = await scheduleLanes(
      request.schedule,
      asked.map(({ generation }) => generation),
      this.#options,
    );
    const planned = asked.map((lane) => ({ ...lane, plan: schedule.plans[lane.inputIndex]! }));
    const id = newId();
    const probe = new CandidateProbe(this.#options);
    const order = request.blind ? shuffled(planned) : planned;
    const lanes = this.#startLanes(order, schedule, { ...origin, comparisonId: id, probe });
    trace?.set({ 'mixgate.comparison.id': id, 'mixgate.comparison.schedule': schedule.taken });
    const comparison = new Comparison({
      id,
      callerId,
      createdAt: new Date(now()),
      isBlind: request.blind,
      schedule: { taken: schedule.taken, reasons: schedule.reasons },
      lanes,
    });
    this.#options.store.add(comparison);
    if (request.onDisconnect === 'CANCEL') this.#cancelWhenLeft(comparison);
    const running = this.#follow(comparison, probe).finally(() => trace?.end());
    this.#running.set(comparison.id, running);
    void running.finally(() => this.#running.delete(comparison.id));
    return comparison;
  }

  /** Also one that only the history has. @throws HISTORY_UNAVAILABLE */
  async find(id: string, viewer: Viewer): Promise<Comparison | null> {
    const { store, archive } = this.#options;
    return seenBy(viewer, store.find(id)) ?? archive.comparison(id, viewer);
  }

  /** The same once more, in the schedule given. @throws NOT_FOUND, HISTORY_UNAVAILABLE, and what `start` throws */
  async rerun(id: string, schedule: LaneSchedule, caller: Caller): Promise<Comparison> {
    return this.start(rerunRequest(await this.get(id, caller), schedule), caller.id);
  }

  /** @throws NOT_FOUND, HISTORY_UNAVAILABLE */
  async get(id: string, viewer: Viewer): Promise<Comparison> {
    const comparison = await this.find(id, viewer);
    if (comparison !== null) return comparison;
    throw new MixgateError(
      'NOT_FOUND',
      `There is no comparison ${id}: it never was, or is not kept any more.`,
    );
  }

  /** Newest first, with those that only the history has. @throws HISTORY_UNAVAILABLE */
  list(query: PageQuery<ComparisonFilter>): Promise<Page<Comparison>> {
    const { archive, store } = this.#options;
    return archive.comparisons(query, store.all());
  }

  /**
   * Forgets one that has ended, everywhere, with its lanes and votes. Whether there was one.
   * @throws IN_USE while it runs; HISTORY_UNAVAILABLE
   */
  async remove(id: string, viewer: Viewer): Promise<boolean> {
    const comparison = await this.find(id, viewer);
    if (comparison === null) return false;
    if (!comparison.finished)
      throw new MixgateError('IN_USE', `Comparison ${id} has not ended: cancel it first.`);
    this.#options.store.forget(id);
    for (const { generation } of comparison.lanes) this.#options.generations.forget(generation.id);
    await this.#options.archive.remove('comparison', id, viewer);
    return true;
  }

  /** What has ended and was created before, milliseconds since 1970, goes from memory; how many. */
  forgetBefore(limit: number): number {
    const ended = this.#options.store.all().filter(({ finished }) => finished);
    const old = ended.filter(({ createdAt }) => createdAt.getTime() < limit);
    old.forEach(({ id }) => this.#options.store.forget(id));
    return old.length;
  }

  get running(): number {
    return this.#running.size;
  }

  /** Cancels every lane, and resolves when all have ended. @throws NOT_FOUND, HISTORY_UNAVAILABLE */
  async cancel(id: string, viewer: Viewer): Promise<Comparison> {
    const comparison = await this.get(id, viewer);
    cancelLanes(comparison);
    await this.#running.get(id);
    return comparison;
  }

  /** @throws NOT_FOUND; INVALID_INPUT before the end, and for a lane without a whole answer */
  async vote(
    id: string,
    vote: Omit<Vote, 'isBlind' | 'createdAt' | 'callerId'>,
    caller: Caller,
  ): Promise<Comparison> {
    const comparison = await this.get(id, caller);
    comparison.vote({ ...vote, callerId: caller.id, createdAt: new Date(this.#options.now()) });
    this.#options.archive.saveComparison(comparison);
    return comparison;
  }

  /** Over all comparisons that are kept. @throws HISTORY_UNAVAILABLE */
  async winRates(): Promise<WinRate[]> {
    const { archive, store } = this.#options;
    return winRates(await archive.judgements(store.all()));
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
    { callerId, probe, ...ids }: LaneContext,
  ): ComparisonLane[] {
    const { generations } = this.#options;
    const lanes: ComparisonLane[] = [];
    try {
      for (const { generation: request, plan: planned, label, inputIndex } of asked) {
        const before = lanes.map((lane) => lane.generation);
        const after = taken === 'IN_TURN' && before.length > 0 ? this.#isOver(before, probe) : null;
        const generation = generations.start(request, callerId, { planned, after, ...ids });
        lanes.push({ label, inputIndex, generation });
      }
    } catch (error) {
      lanes.forEach(({ generation }) => generation.cancel());
      throw error;
    }
    return lanes;
  }

  /** The last one has left its slot, and what is known only while its model is loaded was asked. */
  async #isOver(lanes: readonly Generation[], probe: CandidateProbe): Promise<void> {
    const [first, last] = [lanes[0]!, lanes.at(-1)!];
    await this.#options.generations.settled(last);
    if (first === last) return;
    // Whoever watches whether the lane was alone has seen its end by then.
    await setImmediate();
    await probe.at(last, first);
  }

  async #follow(comparison: Comparison, probe: CandidateProbe): Promise<void> {
    await Promise.all(
      comparison.lanes.map(({ generation }, lane) => this.#followLane(comparison, lane, generation)),
    );
    await noteCandidates(comparison, probe);
    comparison.log.end();
    this.#options.archive.saveComparison(comparison);
    this.#options.store.ended(comparison);
    this.#options.observer.comparisonEnded(comparison.schedule.taken);
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

async function noteCandidates(comparison: Comparison, probe: CandidateProbe): Promise<void> {
  const [reference, ...others] = comparison.lanes.map(({ generation }) => generation);
  const found = await Promise.all(others.map((own) => probe.at(own, reference!)));
  for (const [index, candidates] of found.entries())
    if (candidates !== null) comparison.noteCandidates(index + 1, candidates);
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

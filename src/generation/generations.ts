import { setTimeout as setTimeoutPromise } from 'node:timers/promises';
import { v7 as newId } from 'uuid';
import { seenBy, type Viewer } from '../access/ownership.ts';
import { asMixgateError, MixgateError } from '../errors.ts';
import { aborted } from './aborted.ts';
import { checkAdmission, queuedBy, type AdmissionLimits } from './admission.ts';
import { isDoneWithin } from './done-within.ts';
import { driftRetry } from './drift-retry.ts';
import type { Plan } from '../routing/plan.ts';
import type { GenerationState } from './events.ts';
import { Generation } from './generation.ts';
import { GenerationTrace } from './generation-trace.ts';
import { logEnd, logStart } from './generation-log.ts';
import type { Archive, Page } from './history/archive.ts';
import type { GenerationFilter } from './history/generation-columns.ts';
import type { PageQuery } from './history/history-store.ts';
import { KeptIds, type KeepEnded } from './kept-ids.ts';
import type { GenerationRequest } from './request.ts';
import { recordAborted, run, type RunServices } from './run.ts';
import { drawSeed } from './seed.ts';
import type { Trace } from '../tracing/trace.ts';

export interface GenerationsOptions extends RunServices, AdmissionLimits {
  /** Whether prompts and answers may stand in the log. */
  readonly logPrompts: boolean;
  readonly archive: Archive;
  /** How long a generation goes on after its last subscriber left, milliseconds. */
  readonly disconnectGraceMs: number;
  /** Ended generations that can still be read: how many, for how long, milliseconds, and of what size together. */
  readonly keepEnded: KeepEnded;
}

/** How long what runs may take to end once it was told to at shutdown. */
const CUT_MS = 3000;
/** How long a reader may take for the rest of an ended generation at shutdown. */
const READERS_MS = 2000;

/** How long a reader may take to find the second attempt, at the least. */
const FOLLOW_MS = 10_000;

export interface StartOptions {
  /** How it will run; else it is planned when its turn comes. */
  readonly planned?: Plan | null;
  /** It waits for this before anything else. */
  readonly after?: Promise<unknown> | null;
  /** The one that it tries again. */
  readonly retryOf?: Generation | null;
  /** The comparison that it is a lane of, which is kept with its lanes. */
  readonly comparisonId?: string | null;
  /** The request that asks for it, as the log names it. */
  readonly requestId?: string | null;
  /** What its spans are under; null where nothing is traced. */
  readonly trace?: Trace | null;
}

/** Starts generations and finds them again. */
export class Generations {
  readonly #options: GenerationsOptions;
  /** In the order they were created. */
  readonly #byId = new Map<string, Generation>();
  /** Those that ended, in that order. */
  readonly #kept: KeptIds;
  /** By id, until its slot is free again. */
  readonly #running = new Map<string, Promise<void>>();
  #isDraining = false;

  constructor(options: GenerationsOptions) {
    this.#options = options;
    this.#kept = new KeptIds(options.keepEnded, options.now);
  }

  get limits(): AdmissionLimits {
    return this.#options;
  }

  /** Whether all of these could be started now. @throws INVALID_INPUT, QUEUE_FULL, BACKEND_UNAVAILABLE while draining */
  checkRoom(requests: readonly GenerationRequest[], callerId: string): void {
    if (this.#isDraining)
      throw new MixgateError('BACKEND_UNAVAILABLE', 'The gateway is shutting down: try again soon.');
    checkAdmission(requests, callerId, this.#byId.values(), this.#options);
  }

  /** Starts and returns at once. @throws as `checkRoom` and `Planner.check` */
  start(
    request: GenerationRequest,
    callerId: string,
    {
      planned = null,
      after = null,
      retryOf = null,
      comparisonId = null,
      requestId = null,
      trace = null,
    }: StartOptions = {},
  ): Generation {
    this.checkRoom([request], callerId);
    this.#options.planner.check({ ...request, slots: 1 });
    const seed = request.sampling.seed ?? drawSeed();
    const { now } = this.#options;
    const generation = new Generation({
      id: newId(),
      request,
      callerId,
      seed,
      now,
      planned,
      retryOf: retryOf?.id ?? null,
      comparisonId,
      requestId,
      trace: trace && new GenerationTrace(trace, request, now),
    });
    logStart(generation, this.#options);
    this.#forgetOld();
    this.#byId.set(generation.id, generation);
    this.#cancelWhenLeft(generation, retryOf !== null && retryOf.log.readers > 0);
    const running = this.#run(generation, after).then(() => this.#ended(generation));
    this.#running.set(generation.id, running);
    void running.finally(() => this.#running.delete(generation.id));
    return generation;
  }

  /** @throws NOT_FOUND, HISTORY_UNAVAILABLE */
  async get(id: string, viewer: Viewer): Promise<Generation> {
    const generation = await this.find(id, viewer);
    if (generation !== null) return generation;
    throw new MixgateError(
      'NOT_FOUND',
      `There is no generation ${id}: it never was, or is not kept any more.`,
    );
  }

  /** Also one that only the history has. @throws HISTORY_UNAVAILABLE */
  async find(id: string, viewer: Viewer): Promise<Generation | null> {
    return this.findInMemory(id, viewer) ?? this.#options.archive.generation(id, viewer);
  }

  /** One that runs, or ended not long ago. */
  findInMemory(id: string, viewer: Viewer): Generation | null {
    this.#forgetOld();
    return seenBy(viewer, this.#byId.get(id) ?? null);
  }

  /** Cancels, and resolves when it has ended and its slot is free. One that has ended stays as it is. @throws NOT_FOUND */
  async cancel(id: string, viewer: Viewer): Promise<Generation> {
    const generation = await this.get(id, viewer);
    generation.cancel();
    await generation.ended;
    await this.#running.get(id);
    return generation;
  }

  /** Newest first, with those that only the history has. @throws HISTORY_UNAVAILABLE */
  list(query: PageQuery<GenerationFilter>): Promise<Page<Generation>> {
    this.#forgetOld();
    return this.#options.archive.generations(query, [...this.#byId.values()]);
  }

  /**
   * Forgets one that has ended, everywhere. Whether there was one.
   * @throws IN_USE while it runs; INVALID_INPUT for a lane, which goes with its comparison; HISTORY_UNAVAILABLE
   */
  async remove(id: string, viewer: Viewer): Promise<boolean> {
    const generation = await this.find(id, viewer);
    if (generation === null) return false;
    if (!generation.hasEnded)
      throw new MixgateError('IN_USE', `Generation ${id} has not ended: cancel it first.`);
    if (generation.comparisonId !== null)
      throw new MixgateError(
        'INVALID_INPUT',
        `Generation ${id} is a lane: delete its comparison ${generation.comparisonId}.`,
      );
    this.forget(id);
    await this.#options.archive.remove('generation', id, viewer);
    return true;
  }

  /** What has ended and was created before, milliseconds since 1970, goes from memory; how many that no comparison has. */
  forgetBefore(limit: number): number {
    const old = this.#kept.ids().filter((id) => this.#byId.get(id)!.createdAt.getTime() < limit);
    const alone = old.filter((id) => this.#byId.get(id)!.comparisonId === null);
    old.forEach((id) => this.forget(id));
    return alone.length;
  }

  /** What has ended goes from memory. */
  forget(id: string): void {
    if (this.#kept.remove(id)) this.#byId.delete(id);
  }

  /** Those that have not ended and run, or will run, a variant. */
  using(variantId: string): readonly Generation[] {
    return [...this.#byId.values()].filter(
      ({ hasEnded, plan }) => !hasEnded && plan?.variantId === variantId,
    );
  }

  /** Resolves when it has ended and its slot is free. */
  settled({ id }: Generation): Promise<void> {
    return this.#running.get(id) ?? Promise.resolve();
  }

  get running(): number {
    return this.#running.size;
  }

  /** A caller's that wait for a slot. */
  queuedBy(callerId: string): number {
    return queuedBy(this.#byId.values(), callerId);
  }

  /** How many of those that run are in which state. */
  states(): Readonly<Partial<Record<GenerationState, number>>> {
    const counts: Partial<Record<GenerationState, number>> = {};
    for (const id of this.#running.keys()) {
      const state = this.#byId.get(id)?.state;
      if (state !== undefined) counts[state] = (counts[state] ?? 0) + 1;
    }
    return counts;
  }

  /**
   * Takes no more, and resolves when nothing runs any more and every reader has read to the end; what still runs
   * after `limitMs` fails with BACKEND_UNAVAILABLE, a runtime that does not even end then is left behind after
   * `CUT_MS` more, and a reader that does not keep up after `READERS_MS`.
   */
  async drain(limitMs: number): Promise<void> {
    this.#isDraining = true;
    const ended = Promise.all(this.#running.values());
    if (!(await isDoneWithin(limitMs, ended))) {
      for (const id of this.#running.keys()) this.#byId.get(id)?.cancel(cutShort());
      await isDoneWithin(CUT_MS, ended);
    }
    const read = Promise.all([...this.#byId.values()].map(({ log }) => log.unread()));
    await Promise.race([read, setTimeoutPromise(READERS_MS, undefined, { ref: false })]);
  }

  async #run(generation: Generation, after: Promise<unknown> | null): Promise<void> {
    generation.trace?.enter(after === null ? 'plan' : 'turn');
    if (after !== null) {
      await Promise.race([after, aborted(generation.signal)]);
      generation.begin();
      generation.trace?.enter('plan');
      if (generation.signal.aborted) return recordAborted(generation);
    }
    await run(generation, this.#options, (drifted) => this.#retry(drifted));
  }

  /** Null where no attempt can be started now; what drifted is all there is then. */
  #retry(drifted: Generation): string | null {
    const { expectedLanguage, request, callerId, requestId } = drifted;
    const trace = drifted.trace?.parent ?? null;
    if (expectedLanguage === null || drifted.retryOf !== null) return null;
    try {
      return this.start(driftRetry(request, expectedLanguage), callerId, {
        retryOf: drifted,
        requestId,
        trace,
      }).id;
    } catch (error) {
      const { code } = asMixgateError(error);
      this.#options.log.warn('generation.notRetried', { generation: drifted.id, code });
      return null;
    }
  }

  /** `isAwaited`: somebody who reads another one is to come; who does not come has left. */
  #cancelWhenLeft(generation: Generation, isAwaited: boolean): void {
    if (generation.request.onDisconnect === 'CONTINUE') return;
    let timer: NodeJS.Timeout | undefined;
    const cancelIn = (ms: number) => {
      timer = setTimeout(() => generation.cancel(), ms);
    };
    generation.log.onReaders = (readers) => {
      clearTimeout(timer);
      if (readers === 0 && !generation.hasEnded) cancelIn(this.#options.disconnectGraceMs);
    };
    if (!isAwaited) return;
    cancelIn(Math.max(this.#options.disconnectGraceMs, FOLLOW_MS));
    void generation.ended.then(() => clearTimeout(timer));
  }

  #forgetOld(): void {
    for (const id of this.#kept.tooMany()) this.forget(id);
  }

  #ended(generation: Generation): void {
    const { id, sizeBytes } = generation;
    this.#kept.add(id, sizeBytes);
    if (generation.comparisonId === null) this.#options.archive.saveGeneration(generation);
    this.#forgetOld();
    generation.trace?.end(generation);
    logEnd(generation, this.#options);
    this.#options.observer.generationEnded(generation);
  }
}

const cutShort = () =>
  new MixgateError(
    'BACKEND_UNAVAILABLE',
    'The gateway had to stop before the answer was finished: what there is of it is kept, send the request again.',
  );

import { randomUUID } from 'node:crypto';
import type { Backend, LoadRequest, Resident } from '../backends/backend.ts';
import { MixgateError, asMixgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Plan } from '../routing/plan.ts';
import { crashLoops, type CrashRecord } from '../routing/crash-loops.ts';
import { reduce } from '../routing/residency.ts';
import {
  EMPTY_RESIDENCY,
  type ResidencyEffect,
  type ResidencyEvent,
  type ResidencyState,
  type ResidentState,
  type Waiter,
} from '../routing/residency-state.ts';
import { loadRequestOf } from './load-request.ts';
import type { Occupant } from './machine.ts';
import type { Observer } from './observer.ts';
import { once } from './once.ts';
import { crashBehind, crashesAgain, crashOf, notResident, unknownFailure } from './residency-errors.ts';
import type { Lease, SlotHooks, SlotRequest } from './slot.ts';

export interface ResidencyLoopOptions {
  readonly backends: readonly Backend[];
  /** Where a variant's weights are, and the template to use instead of theirs. @throws VARIANT_NOT_AVAILABLE */
  readonly weightsOf: (variantId: string) => Pick<LoadRequest, 'path' | 'chatTemplate'>;
  readonly log: Log;
  readonly now: () => number;
  /** Memory has changed hands. */
  readonly onMemoryChange: () => void;
  /** Slots that one caller may hold at once. */
  readonly mostHeld: number;
  /** Host memory that a resident may take beyond its plan, bytes; null: any amount. */
  readonly hostToleranceBytes: number | null;
  readonly observer: Pick<Observer, 'modelLoaded' | 'loadFailed' | 'modelUnloaded'>;
}

type WithoutTime<Event> = Event extends { at: number } ? Omit<Event, 'at'> : never;

/** What is loaded, for people. */
export interface ResidentView extends Occupant {
  readonly id: string;
  readonly busySlots: number;
  readonly loadedAt: Date;
  readonly lastUsedAt: Date;
  readonly loadMs: number;
  /** What the runtime said before the load that it would take; null where it cannot say. */
  readonly verifiedBytes: number | null;
}

/** Planned device bytes less what was measured, or verified where nothing could be measured; null where neither is known. */
export function predictionErrorBytes({ plan, measuredBytes, verifiedBytes }: ResidentView): number | null {
  const real = measuredBytes ?? verifiedBytes;
  return real === null ? null : plan.memory.deviceTotalBytes - real;
}

interface Loaded {
  readonly resident: Resident;
  readonly loadedAt: Date;
  readonly loadMs: number;
}

interface Waiting extends SlotHooks {
  /** Who holds the slot once it is granted; null where none is wanted. */
  readonly holder: string | null;
  readonly grant: (lease: Lease) => void;
  readonly refuse: (error: MixgateError) => void;
}

/** Progress is told in steps of this, so that a long load does not flood the log. */
const PROGRESS_STEP = 0.05;

/** Feeds the residency reducer and performs its effects; every effect's outcome comes back as an event. */
export class ResidencyLoop {
  readonly #options: ResidencyLoopOptions;
  readonly #waiting = new Map<string, Waiting>();
  readonly #loaded = new Map<string, Loaded>();
  readonly #loads = new Map<string, AbortController>();
  readonly #failures = new Map<string, MixgateError>();
  /** Residents that were asked to go. */
  readonly #asked = new Set<string>();
  #grants = 0;
  #wake: NodeJS.Timeout | undefined;
  #state: ResidencyState;

  constructor(options: ResidencyLoopOptions) {
    this.#options = options;
    this.#state = { ...EMPTY_RESIDENCY, mostHeld: options.mostHeld };
  }

  /** Waits for a slot as the plan says; rejects with the load's error, or with the signal's reason. */
  acquire(request: SlotRequest, pools: Readonly<Record<string, number>>, hooks: SlotHooks): Promise<Lease> {
    return new Promise((resolve, reject) => {
      const withdraw = () => {
        settled();
        reject(hooks.signal.reason as Error);
        this.#dispatch({ type: 'withdrawn', waiterId: request.id });
        this.#cancelUnwantedLoads();
      };
      const settled = () => {
        this.#waiting.delete(request.id);
        hooks.signal.removeEventListener('abort', withdraw);
      };
      if (hooks.signal.aborted) return reject(hooks.signal.reason as Error);
      hooks.signal.addEventListener('abort', withdraw, { once: true });
      this.#waiting.set(request.id, {
        ...{ ...hooks, holder: request.wantsSlot ? request.callerId : null },
        grant: (lease) => (settled(), resolve(lease)),
        refuse: (error) => (settled(), reject(error)),
      });
      this.#dispatch({ type: 'requested', waiter: { ...request, loadsAs: randomUUID() }, pools });
    });
  }

  /** Call it when a slot was granted; what it returns tells whether nothing else has run since: only then timings say something of the device. */
  watchCompany(): () => boolean {
    const grants = this.#grants;
    const isAlone = () => this.#state.residents.reduce((sum, { busySlots }) => sum + busySlots, 0) <= 1;
    const startedAlone = isAlone();
    return () => startedAlone && this.#grants === grants;
  }

  residents(): readonly ResidentView[] {
    return this.#state.residents.flatMap(({ id, plan, busySlots, lastUsedAt, isPinned }) => {
      const loaded = this.#loaded.get(id);
      if (loaded === undefined) return [];
      const { measuredBytes, verifiedBytes } = loaded.resident;
      const { loadedAt, loadMs } = loaded;
      const times = { loadedAt, loadMs, lastUsedAt: new Date(lastUsedAt) };
      return [{ id, plan, busySlots, isPinned, isLoaded: true, measuredBytes, verifiedBytes, ...times }];
    });
  }

  occupants(): readonly Occupant[] {
    return this.#state.residents.map(({ id, plan, isPinned }) => ({
      plan,
      isPinned,
      isLoaded: this.#loaded.has(id),
      measuredBytes: this.#loaded.get(id)?.resident.measuredBytes ?? null,
    }));
  }

  /** Slots that one caller may hold at once. */
  get mostHeld(): number {
    return this.#options.mostHeld;
  }

  /** Slots that a caller holds. */
  heldBy(callerId: string): number {
    return this.#state.held[callerId] ?? 0;
  }

  /** Those that wait for a slot or for memory, in the order they are served. */
  waiting(): readonly Waiter[] {
    return this.#state.waiting;
  }

  /** Variants that crash again and again, and are not loaded for a while. */
  crashLoops(): readonly CrashRecord[] {
    return crashLoops(this.#state.crashes);
  }

  /** Never evicts it from now on, or may again. @throws NOT_FOUND */
  pin(residentId: string, isPinned: boolean): ResidentView {
    const view = () => this.residents().find(({ id }) => id === residentId);
    if (view() === undefined) throw notResident(residentId);
    this.#dispatch({ type: 'pinned', residentId, isPinned });
    return view()!;
  }

  /** Unloads an idle resident. @throws NOT_FOUND; INVALID_INPUT while it is busy */
  async unload(residentId: string): Promise<void> {
    const state = this.#find(residentId);
    const loaded = this.#loaded.get(residentId);
    if (state === undefined || loaded === undefined) throw notResident(residentId);
    if (state.busySlots > 0)
      throw new MixgateError(
        'INVALID_INPUT',
        `${residentId} runs ${state.busySlots} generations: cancel them first.`,
      );
    this.#asked.add(residentId);
    this.#dispatch({ type: 'unloadRequested', residentId });
    await loaded.resident.gone;
  }

  #dispatch(event: WithoutTime<ResidencyEvent>): void {
    const [state, effects] = reduce(this.#state, { ...event, at: this.#options.now() });
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: ResidencyEffect): void {
    switch (effect.type) {
      case 'load':
        void this.#load(effect.residentId, effect.plan);
        return;
      case 'unload':
        void this.#loaded.get(effect.residentId)?.resident.unload();
        return;
      case 'grant':
        return this.#grant(effect.waiterId, effect.residentId);
      case 'refuse':
        this.#waiting.get(effect.waiterId)?.refuse(this.#reason(effect.residentId));
        return;
      case 'holdOff':
        this.#waiting.get(effect.waiterId)?.refuse(crashesAgain(effect.record, this.#options.now()));
        return;
      case 'position':
        this.#waiting.get(effect.waiterId)?.onPosition(effect.ahead);
        return;
      case 'wake':
        clearTimeout(this.#wake);
        this.#wake = setTimeout(() => this.#dispatch({ type: 'woken' }), effect.at - this.#options.now());
        this.#wake.unref();
    }
  }

  /** Of a refusal. */
  #reason(residentId: string | null): MixgateError {
    if (residentId === null) return new MixgateError('NOT_FOUND', 'The model is not loaded any more.');
    return this.#failures.get(residentId) ?? unknownFailure();
  }

  #grant(waiterId: string, residentId: string): void {
    const loaded = this.#loaded.get(residentId);
    const waiting = this.#waiting.get(waiterId);
    const callerId = waiting?.holder ?? null;
    const release = once((hasAnswered: boolean = false) =>
      this.#dispatch({ type: 'released', residentId, callerId, hasAnswered }),
    );
    const state = this.#find(residentId);
    if (loaded === undefined || waiting === undefined || state === undefined) return release();
    this.#grants++;
    waiting.grant({ residentId, plan: state.plan, resident: loaded.resident, release });
  }

  async #load(residentId: string, plan: Plan): Promise<void> {
    const { backends, log, now, onMemoryChange, weightsOf, hostToleranceBytes } = this.#options;
    const controller = new AbortController();
    this.#loads.set(residentId, controller);
    const { variantId: variant, deviceId: device, gpuLayers } = plan;
    log.info('resident.loading', { resident: residentId, variant, device, gpuLayers });
    const startedAt = now();
    try {
      const backend = backends.find(({ id }) => id === plan.backendId);
      if (backend === undefined)
        throw new MixgateError('BACKEND_UNAVAILABLE', `There is no backend ${plan.backendId}.`);
      const onProgress = this.#progressOf(residentId);
      onProgress(0);
      const request = loadRequestOf({ id: residentId, plan }, this.#state, {
        ...weightsOf(variant),
        hostToleranceBytes,
      });
      const resident = await backend.load(request, {
        signal: controller.signal,
        onProgress,
      });
      const loadMs = now() - startedAt;
      this.#loaded.set(residentId, { resident, loadedAt: new Date(now()), loadMs });
      void resident.gone.then((reason) => this.#gone(residentId, reason));
      const { measuredBytes, verifiedBytes } = resident;
      const predictedBytes = plan.memory.deviceTotalBytes;
      log.info('resident.loaded', {
        resident: residentId,
        variant,
        loadMs,
        predictedBytes,
        verifiedBytes,
        measuredBytes,
      });
      this.#options.observer.modelLoaded(plan, loadMs);
      onProgress(1);
      this.#dispatch({ type: 'loaded', residentId, loadMs });
    } catch (error) {
      // Cancelled because nobody waited: whoever has come since is no part of that and gets a load of its own.
      if (controller.signal.aborted) this.#dispatch({ type: 'gone', residentId });
      else this.#refuseWaiting(residentId, asMixgateError(error));
    } finally {
      this.#loads.delete(residentId);
      onMemoryChange();
    }
  }

  #refuseWaiting(residentId: string, error: MixgateError): void {
    this.#options.observer.loadFailed(error.code);
    this.#failures.set(residentId, error);
    this.#dispatch({ type: 'loadFailed', residentId, ...crashBehind(error) });
    this.#failures.delete(residentId);
  }

  #gone(residentId: string, reason: Error | null): void {
    this.#loaded.delete(residentId);
    const why = reason?.message ?? 'asked to';
    this.#options.log.info('resident.unloaded', { resident: residentId, reason: why });
    const planned = this.#asked.delete(residentId) ? 'ASKED' : 'EVICTED';
    this.#options.observer.modelUnloaded(reason === null ? planned : 'LOST');
    this.#options.onMemoryChange();
    this.#dispatch({ type: 'gone', residentId, ...(reason !== null && crashOf(reason)) });
  }

  #progressOf(residentId: string): (fraction: number) => void {
    let told = -1;
    return (fraction) => {
      if (fraction < 1 && fraction - told < PROGRESS_STEP) return;
      if (fraction === told) return;
      told = fraction;
      const resident = this.#find(residentId);
      for (const waiter of this.#state.waiting)
        if (resident !== undefined && isFor(resident, waiter))
          this.#waiting.get(waiter.id)?.onLoading(fraction);
    };
  }

  /** Nobody waits for it any more: a cancelled generation also cancels the load it caused. */
  #cancelUnwantedLoads(): void {
    for (const [residentId, controller] of this.#loads) {
      const resident = this.#find(residentId);
      if (resident !== undefined && !this.#state.waiting.some((waiter) => isFor(resident, waiter)))
        controller.abort();
    }
  }

  #find(residentId: string): ResidentState | undefined {
    return this.#state.residents.find(({ id }) => id === residentId);
  }
}

const isFor = ({ plan }: ResidentState, waiter: Waiter): boolean =>
  plan.variantId === waiter.plan.variantId && plan.deviceId === waiter.plan.deviceId;

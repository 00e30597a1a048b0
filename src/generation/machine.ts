import { setTimeout as setTimeoutPromise } from 'node:timers/promises';
import type { Backend, BackendStatus } from '../backends/backend.ts';
import type { Log } from '../log.ts';
import {
  marginOf,
  targetsOf,
  type DeviceFacts,
  type HostFacts,
  type SpeedObservation,
  type Target,
} from '../routing/device.ts';
import type { Plan } from '../routing/plan.ts';
import type { PlanSnapshot } from '../routing/plan-request.ts';
import type { PoolBytes } from '../routing/residency-state.ts';
import type { VariantFacts } from '../routing/weights.ts';

/** What a resident takes, as the machine's memory figures see it. */
export interface Occupant {
  readonly plan: Plan;
  readonly isLoaded: boolean;
  /** Never evicted, so that its bytes are nobody else's. */
  readonly isPinned: boolean;
  readonly measuredBytes: number | null;
}

export interface MachineOptions {
  readonly backends: readonly Backend[];
  readonly margins: PlanSnapshot['margins'];
  readonly log: Log;
  readonly now: () => number;
  /** How long a backend may take to describe itself again before what it said last counts on, milliseconds. */
  readonly describeMs?: number;
}

const DESCRIBE_MS = 5000;
/** For how long memory that could not be had is not planned with again. */
const SHORTAGE_MS = 5 * 60_000;
/** Observed speeds of about the same size of run are one figure, moved this far towards each new one. */
const OBSERVATION_WEIGHT = 0.3;

/** Memory figures younger than this are not asked for again. */
const FRESH_MS = 1000;
const NOT_DESCRIBED: BackendStatus = {
  version: null,
  available: false,
  unavailableReason: 'Not described yet: try again in a moment.',
  devices: [],
};

/** The backends and their devices with the memory that was free when they were last asked. */
export class Machine {
  readonly backends: readonly Backend[];
  readonly #options: MachineOptions;
  readonly #statuses = new Map<string, BackendStatus>();
  /** By device: the most that may be planned with since a load failed for memory, and until when. */
  readonly #shortages = new Map<string, { readonly bytes: number; readonly until: number }>();
  /** By device: what decoding reached, one figure per size of run. */
  readonly #observations = new Map<string, readonly SpeedObservation[]>();
  /** Backends that were asked and have not answered in time; what they say is taken when it comes. */
  readonly #late = new Set<string>();
  #refreshedAt = -Infinity;
  #refreshing: Promise<void> | null = null;
  /** How often memory has changed hands, and how often it had when what is known was asked for. */
  #changes = 0;
  #knownChanges = -1;

  constructor(options: MachineOptions) {
    this.backends = options.backends;
    this.#options = options;
  }

  /** Asks every backend again, unless that was just done. What it then knows is no older than the last `invalidate`. */
  async refresh(): Promise<void> {
    if (this.#options.now() - this.#refreshedAt < FRESH_MS) return;
    const changes = this.#changes;
    // Somebody may have asked already, and before the last change.
    do await (this.#refreshing ??= this.#askAll().finally(() => (this.#refreshing = null)));
    while (this.#knownChanges < changes);
  }

  async #askAll(): Promise<void> {
    const changes = this.#changes;
    await Promise.all(this.backends.map((backend) => this.#describe(backend)));
    this.#knownChanges = changes;
    if (changes === this.#changes) this.#refreshedAt = this.#options.now();
  }

  /** A driver may hang: who plans does not hang with it, once it is known what devices there are. */
  async #describe(backend: Backend): Promise<void> {
    const { id } = backend;
    if (this.#late.has(id)) return;
    const asked = this.#ask(backend);
    if (!this.#statuses.has(id)) return asked;
    const { describeMs = DESCRIBE_MS, log } = this.#options;
    const isLate = await Promise.race([
      asked.then(() => false),
      setTimeoutPromise(describeMs, true, { ref: false }),
    ]);
    if (!isLate) return;
    log.warn('backend.slow', { backend: id, ms: describeMs });
    this.#late.add(id);
    const isHere = () => this.#late.delete(id);
    void asked.then(isHere, isHere);
  }

  async #ask(backend: Backend): Promise<void> {
    const status = await backend.describe();
    const before = this.#statuses.get(backend.id);
    this.#statuses.set(backend.id, status);
    if (before?.available === status.available) return;
    const { log } = this.#options;
    if (status.available)
      log.info('backend.described', { backend: backend.id, devices: status.devices.length });
    else
      log.error('backend.unavailable', {
        backend: backend.id,
        reason: status.unavailableReason ?? 'unknown',
      });
  }

  /** The next `refresh` asks again: something was loaded, unloaded or lost. */
  invalidate(): void {
    this.#changes++;
    this.#refreshedAt = -Infinity;
  }

  status(backendId: string): BackendStatus {
    return this.#statuses.get(backendId) ?? NOT_DESCRIBED;
  }

  devices(): readonly DeviceFacts[] {
    return this.backends.flatMap(({ id }) =>
      this.status(id).devices.map((device) => ({
        ...device,
        observations: this.#observations.get(device.id) ?? device.observations,
      })),
    );
  }

  /** A load failed for memory although it was planned to fit: for a while, plan with less than it would have taken. */
  noteShortage({ shares }: Plan): void {
    const until = this.#options.now() + SHORTAGE_MS;
    for (const { deviceId, bytes } of shares) this.#shortages.set(deviceId, { bytes: bytes - 1, until });
  }

  /** Decoding on a device reached this speed. */
  noteSpeed(deviceId: string, observed: SpeedObservation): void {
    const before = this.#observations.get(deviceId) ?? [];
    const isSimilar = ({ bytesPerToken }: SpeedObservation) =>
      Math.abs(Math.log2(bytesPerToken / observed.bytesPerToken)) < 1;
    const known = before.find(isSimilar);
    const bytesPerSecond =
      known === undefined
        ? observed.bytesPerSecond
        : known.bytesPerSecond + OBSERVATION_WEIGHT * (observed.bytesPerSecond - known.bytesPerSecond);
    const others = before.filter((observation) => observation !== known);
    this.#observations.set(deviceId, [...others, { bytesPerToken: observed.bytesPerToken, bytesPerSecond }]);
  }

  /** Where a plan can put a model: each device, and the GPUs of a runtime together. */
  targets(): readonly Target[] {
    return targetsOf(this.devices(), this.#capabilities());
  }

  #capabilities(): PlanSnapshot['capabilities'] {
    return Object.fromEntries(this.backends.map(({ id, capabilities }) => [id, capabilities]));
  }

  /** The pool that holds what a GPU does not: the CPU's memory. */
  get hostPool(): string {
    return this.devices().find(({ kind }) => kind === 'CPU')?.id ?? 'host';
  }

  /** A snapshot in which what mixgate itself has loaded counts as free: it can be evicted. */
  snapshot(variants: readonly VariantFacts[], occupants: readonly Occupant[]): PlanSnapshot {
    const devices = this.devices().map((device) => ({
      ...device,
      memoryFreeBytes: this.#capacity(device, occupants),
    }));
    return {
      variants,
      devices,
      host: this.host(devices),
      capabilities: this.#capabilities(),
      // Of this moment: a configuration that is reread changes no snapshot.
      margins: { ...this.#options.margins },
    };
  }

  host(devices: readonly DeviceFacts[] = this.devices()): HostFacts {
    const cpu = devices.find(({ kind }) => kind === 'CPU');
    return {
      memoryFreeBytes: cpu?.memoryFreeBytes ?? 0,
      memoryBandwidth: cpu?.memoryBandwidth ?? null,
      observations: cpu?.observations ?? [],
    };
  }

  /** Bytes that mixgate may use of each pool, what it uses already included. */
  pools(occupants: readonly Occupant[]): PoolBytes {
    return Object.fromEntries(
      this.devices().map((device) => [device.id, known(device, occupants) - this.#margin(device)]),
    );
  }

  #margin(device: DeviceFacts): number {
    return marginOf(device, this.#options.margins);
  }

  /** What a new plan may count on: what is free, what can be evicted, and no more than was to be had lately. */
  #capacity(device: DeviceFacts, occupants: readonly Occupant[]): number {
    const shortage = this.#shortages.get(device.id);
    const isShort = shortage !== undefined && shortage.until > this.#options.now();
    const most = isShort ? shortage.bytes + this.#margin(device) : Infinity;
    const pinned = occupants
      .filter(({ isPinned }) => isPinned)
      .reduce((total, { plan }) => total + bytesOn(device, plan), 0);
    return Math.max(0, Math.min(known(device, occupants) - pinned, most));
  }
}

const bytesOn = ({ id }: DeviceFacts, { shares }: Plan): number =>
  shares.find(({ deviceId }) => deviceId === id)?.bytes ?? 0;

/**
 * Free bytes and ours. On a CPU the weights are mapped from the file and still count as available there, so only
 * the rest is added; of a load under way it is not known how much it has taken, so nothing is.
 */
function known(device: DeviceFacts, occupants: readonly Occupant[]): number {
  const ours = occupants
    .filter(({ isLoaded }) => isLoaded)
    .reduce((total, { plan, measuredBytes }) => {
      const { memory } = plan;
      const planned = bytesOn(device, plan);
      if (planned === 0) return total;
      if (device.kind === 'CPU') return total + memory.deviceKvCacheBytes + memory.deviceComputeBytes;
      const measuredShare = measuredBytes === null ? 1 : measuredBytes / Math.max(1, memory.deviceTotalBytes);
      return total + planned * measuredShare;
    }, 0);
  return Math.min(device.memoryTotalBytes, device.memoryFreeBytes + ours);
}

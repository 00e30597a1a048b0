import type { Backend, BackendStatus } from '../backends/backend.ts';
import type { Log } from '../log.ts';
import type { DeviceFacts, HostFacts } from '../routing/device.ts';
import type { Plan } from '../routing/plan.ts';
import type { PlanSnapshot } from '../routing/plan-request.ts';
import type { PoolBytes } from '../routing/residency.ts';
import type { VariantFacts } from '../routing/weights.ts';

/** What a resident takes, as the machine's memory figures see it. */
export interface Occupant {
  readonly plan: Plan;
  readonly isLoaded: boolean;
  readonly measuredBytes: number | null;
}

export interface MachineOptions {
  readonly backends: readonly Backend[];
  readonly margins: PlanSnapshot['margins'];
  readonly log: Log;
  readonly now: () => number;
}

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
  #refreshedAt = -Infinity;

  constructor(options: MachineOptions) {
    this.backends = options.backends;
    this.#options = options;
  }

  /** Asks every backend again, unless that was just done. */
  async refresh(): Promise<void> {
    if (this.#options.now() - this.#refreshedAt < FRESH_MS) return;
    await Promise.all(this.backends.map((backend) => this.#describe(backend)));
    this.#refreshedAt = this.#options.now();
  }

  async #describe(backend: Backend): Promise<void> {
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
    this.#refreshedAt = -Infinity;
  }

  status(backendId: string): BackendStatus {
    return this.#statuses.get(backendId) ?? NOT_DESCRIBED;
  }

  devices(): readonly DeviceFacts[] {
    return this.backends.flatMap(({ id }) => this.status(id).devices);
  }

  /** The pool that holds what a GPU does not: the CPU's memory. */
  get hostPool(): string {
    return this.devices().find(({ kind }) => kind === 'CPU')?.id ?? 'host';
  }

  /** A snapshot in which what mixgate itself has loaded counts as free: it can be evicted. */
  snapshot(variants: readonly VariantFacts[], occupants: readonly Occupant[]): PlanSnapshot {
    const devices = this.devices().map((device) => ({
      ...device,
      memoryFreeBytes: capacity(device, occupants),
    }));
    return {
      variants,
      devices,
      host: this.host(devices),
      capabilities: Object.fromEntries(this.backends.map(({ id, capabilities }) => [id, capabilities])),
      margins: this.#options.margins,
    };
  }

  host(devices: readonly DeviceFacts[] = this.devices()): HostFacts {
    const cpu = devices.find(({ kind }) => kind === 'CPU');
    return { memoryFreeBytes: cpu?.memoryFreeBytes ?? 0, memoryBandwidth: cpu?.memoryBandwidth ?? null };
  }

  /** Bytes that mixgate may use of each pool, what it uses already included. */
  pools(occupants: readonly Occupant[]): PoolBytes {
    const { deviceBytes, hostBytes } = this.#options.margins;
    return Object.fromEntries(
      this.devices().map((device) => [
        device.id,
        capacity(device, occupants) - (device.kind === 'CPU' ? hostBytes : deviceBytes),
      ]),
    );
  }
}

/**
 * Free bytes and ours. On a CPU the weights are mapped from the file and still count as available there, so only
 * the rest is added; of a load under way it is not known how much it has taken, so nothing is.
 */
function capacity(device: DeviceFacts, occupants: readonly Occupant[]): number {
  const ours = occupants
    .filter(({ plan, isLoaded }) => isLoaded && plan.deviceId === device.id)
    .reduce((total, { plan: { memory }, measuredBytes }) => {
      if (device.kind === 'CPU') return total + memory.deviceKvCacheBytes + memory.deviceComputeBytes;
      return total + (measuredBytes ?? memory.deviceTotalBytes);
    }, 0);
  return Math.min(device.memoryTotalBytes, device.memoryFreeBytes + ours);
}

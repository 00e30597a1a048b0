import { MixgateError } from '../errors.ts';
import type { KvCacheType } from '../routing/ggml-types.ts';
import { variantsOf, type Catalog, type KnownVariant, type ModelFacts } from '../models/catalog.ts';
import type { StageTime } from '../backends/backend.ts';
import { nominalBandwidth } from '../routing/bandwidth.ts';
import { ladder } from '../routing/ladder.ts';
import { plan, type Plan, type PlanResult } from '../routing/plan.ts';
import type { PlanRequest, PlanSnapshot } from '../routing/plan-request.ts';
import { bytesPerToken, speedObservation } from '../routing/speed.ts';
import type { Machine, Occupant } from './machine.ts';
import { DEFAULT_CONTEXT_SIZE, type ModelPlanRequest } from './request.ts';

/** What any request that needs a plan says. */
export type PlanSubject = Pick<
  ModelPlanRequest,
  'model' | 'quantization' | 'device' | 'gpuLayers' | 'contextSize' | 'slots' | 'objective'
> & {
  readonly backend?: string | null | undefined;
  readonly kvCacheType?: KvCacheType | null | undefined;
  readonly batchSize?: number | null | undefined;
  /** Slots worth having where they cost nothing that matters. */
  readonly slotsWanted?: number;
  /** Of a model that is not (or not all) here: what is planned with instead of what is. */
  readonly elsewhere?: ModelFacts<KnownVariant> | undefined;
};

/** A model as it would be run when nothing else is said. */
export const plainSubject = (model: string): PlanSubject => ({
  model,
  quantization: null,
  device: null,
  gpuLayers: null,
  contextSize: DEFAULT_CONTEXT_SIZE,
  slots: 1,
  objective: 'BALANCED',
});

/** Fewer decoded tokens say little of a speed. */
const LEAST_TOKENS = 16;

export interface PlannerOptions {
  readonly catalog: Catalog;
  readonly machine: Machine;
  readonly occupants: () => readonly Occupant[];
}

/** Brings names, machine and catalog to the pure planner, and its answers to callers. */
export class Planner {
  readonly #options: PlannerOptions;

  constructor(options: PlannerOptions) {
    this.#options = options;
  }

  /** Checks all that can be said without planning. @throws MODEL_NOT_FOUND, VARIANT_NOT_AVAILABLE, CONTEXT_OVERFLOW, INVALID_INPUT */
  check(subject: PlanSubject): void {
    const { machine } = this.#options;
    contextOf(subject, this.#model(subject));
    this.#variants(subject, subject.quantization);
    const backends = machine.backends.map(({ id }) => id);
    if (typeof subject.backend === 'string' && !backends.includes(subject.backend))
      throw new MixgateError(
        'INVALID_INPUT',
        `backend: there is no ${subject.backend}, only ${backends.join(', ')}.`,
      );
    const devices = machine.targets().map(({ id }) => id);
    if (subject.device !== null && !devices.includes(subject.device))
      throw new MixgateError(
        'INVALID_INPUT',
        `device: there is no ${subject.device}, only ${devices.join(', ')}.`,
      );
  }

  /** The plan to run, beside others that are not loaded yet. @throws NO_PLAN_FITS, BACKEND_UNAVAILABLE, and what `check` throws */
  async choose(subject: PlanSubject, besides: readonly Occupant[] = []): Promise<Plan> {
    await this.#options.machine.refresh();
    this.check(subject);
    const snapshot = this.#snapshot(subject, besides);
    if (snapshot.devices.length === 0) throw this.#unavailable();
    const { chosen, candidates } = plan(this.#planRequest(subject), snapshot);
    if (chosen !== null) return chosen;
    checkLibraries(snapshot);
    if (runsNowhere(snapshot)) throw noRuntime(subject.model, snapshot);
    throw nothingFits(candidates);
  }

  /** What to try, in order, after a plan did not get its memory. */
  ladder(subject: PlanSubject, failed: Plan): Plan[] {
    return ladder(failed, this.#planRequest(subject), this.#snapshot(subject));
  }

  /** Decoding took this long while nothing else ran: learns the speed of a device that held everything. */
  noteSpeed({ variantId, deviceId, shares, ...placement }: Plan, { ms, count }: StageTime): void {
    const { catalog, machine } = this.#options;
    if (count < LEAST_TOKENS || shares.length !== 1) return;
    const variant = catalog.variant(variantId);
    const isWhole = placement.deviceKind === 'CPU' || placement.gpuLayers > variant.weights.layers;
    if (!isWhole || placement.cpuExpertLayers > 0) return;
    const read = bytesPerToken(variant, placement, placement.deviceKind === 'CPU');
    const observed = speedObservation(variant, read, ms / 1000 / count);
    if (observed !== null) machine.noteSpeed(deviceId, observed);
  }

  /** A dry run, also for a device that does not exist. Loads nothing. */
  async dryRun(request: ModelPlanRequest & Pick<PlanSubject, 'elsewhere'>): Promise<PlanResult> {
    await this.#options.machine.refresh();
    const hypothetical = request.hypotheticalDevice;
    this.check(hypothetical === null ? request : { ...request, device: null });
    const snapshot = this.#snapshot(request);
    const planRequest = this.#planRequest(request);
    if (hypothetical === null) {
      if (runsNowhere(snapshot)) throw noRuntime(request.model, snapshot);
      return plan(planRequest, snapshot);
    }
    return plan({ ...planRequest, deviceId: null }, hypotheticalSnapshot(hypothetical, snapshot));
  }

  #model({ model, elsewhere }: PlanSubject): ModelFacts<KnownVariant> {
    return elsewhere ?? this.#options.catalog.model(model);
  }

  /** Of one quantization, or all. @throws VARIANT_NOT_AVAILABLE */
  #variants({ model, elsewhere }: PlanSubject, quantization: string | null): readonly KnownVariant[] {
    return variantsOf(elsewhere ?? this.#options.catalog.model(model), quantization);
  }

  #snapshot(subject: PlanSubject, besides: readonly Occupant[] = []): PlanSnapshot {
    const { machine, occupants } = this.#options;
    const { backend } = subject;
    const snapshot = machine.snapshot(this.#variants(subject, null), [...occupants(), ...besides]);
    if (typeof backend !== 'string') return snapshot;
    return { ...snapshot, devices: snapshot.devices.filter(({ backendId }) => backendId === backend) };
  }

  #planRequest(subject: PlanSubject): PlanRequest {
    const { quantization, gpuLayers, slots, slotsWanted = slots, objective, device: deviceId } = subject;
    const { kvCacheType = null, batchSize = null } = subject;
    return {
      quantization: quantization === null ? null : this.#variants(subject, quantization)[0]!.quantization,
      gpuLayers,
      contextSize: contextOf(subject, this.#model(subject)),
      slots,
      slotsWanted,
      kvCacheType,
      batchSize,
      objective,
      deviceId,
    };
  }

  #unavailable(): MixgateError {
    const { machine } = this.#options;
    const reasons = machine.backends.map(
      ({ id }) => `${id}: ${machine.status(id).unavailableReason ?? 'no devices'}`,
    );
    return new MixgateError('BACKEND_UNAVAILABLE', reasons.join(' '));
  }
}

/** The default gives way to a shorter model; what was asked for does not. @throws CONTEXT_OVERFLOW */
function contextOf(
  { contextSize }: PlanSubject,
  { name, contextLength }: Pick<ModelFacts, 'name' | 'contextLength'>,
): number {
  if (contextSize <= contextLength) return contextSize;
  if (contextSize === DEFAULT_CONTEXT_SIZE) return contextLength;
  throw new MixgateError(
    'CONTEXT_OVERFLOW',
    `contextSize ${contextSize} is more than the ${contextLength} tokens that ${name} was trained for: ask for at most that.`,
    { contextSize, contextLength },
  );
}

const runsNowhere = ({ variants, devices, capabilities }: PlanSnapshot): boolean =>
  devices.length > 0 &&
  !devices.some(({ backendId }) =>
    variants.some(({ format }) => capabilities[backendId]?.formats.includes(format) === true),
  );

/** Weights that no engine of ours can run, whatever device there is. @throws VARIANT_NOT_AVAILABLE */
function checkLibraries({ variants }: PlanSnapshot): void {
  const problems = variants.flatMap(({ mlc }) => mlc?.problem ?? []);
  if (problems.length === 0 || problems.length < variants.length) return;
  throw new MixgateError('VARIANT_NOT_AVAILABLE', problems.join(' '));
}

/** Nothing here runs weights of that format. */
function noRuntime(model: string, { variants }: PlanSnapshot): MixgateError {
  const formats = [...new Set(variants.map(({ format }) => format))].join(' and ');
  return new MixgateError(
    'BACKEND_UNAVAILABLE',
    `No backend here can run what was asked for: ${model} is here as ${formats}. Ask for another quantization, device or backend${formats === 'MLC' ? ', or open /worker in a browser with WebGPU: MLC weights run there' : ''}.`,
    { formats },
  );
}

/** Why there is nothing to choose. */
export function nothingFits(candidates: readonly Plan[]): MixgateError {
  const closest = candidates.toSorted((a, b) => a.memory.deviceTotalBytes - b.memory.deviceTotalBytes)[0];
  const why =
    closest === undefined ? '' : ` The smallest, ${closest.quantization}: ${closest.reasons.join(' ')}`;
  return new MixgateError(
    'NO_PLAN_FITS',
    `Nothing fits: ask for less context or another quantization, or free memory.${why}`,
    { candidates: candidates.map(({ variantId, deviceId, reasons }) => ({ variantId, deviceId, reasons })) },
  );
}

function hypotheticalSnapshot(
  device: NonNullable<ModelPlanRequest['hypotheticalDevice']>,
  snapshot: PlanSnapshot,
): PlanSnapshot {
  const backendId = device.kind === 'WEBGPU' ? 'webgpu' : 'llama-cpp';
  return {
    ...snapshot,
    host: {
      memoryFreeBytes: device.hostMemoryFreeBytes ?? snapshot.host.memoryFreeBytes,
      memoryBandwidth: device.hostMemoryBandwidth ?? snapshot.host.memoryBandwidth,
      observations: device.hostMemoryBandwidth === null ? snapshot.host.observations : [],
    },
    devices: [
      {
        id: 'hypothetical',
        backendId,
        name: device.name,
        kind: device.kind,
        memoryTotalBytes: device.memoryTotalBytes,
        memoryFreeBytes: Math.min(device.memoryTotalBytes, device.memoryFreeBytes ?? device.memoryTotalBytes),
        memorySource: 'DECLARED',
        memoryBandwidth: device.memoryBandwidth ?? nominalBandwidth(device.name),
        observations: [],
      },
    ],
  };
}

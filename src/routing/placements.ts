import type { DeviceFacts, HostFacts, RuntimeCapabilities } from './device.ts';
import { cpuFootprint, gpuFootprint, totalLayers, type MemoryEstimate, type Placement } from './footprint.ts';
import type { PlanRequest, PlanSnapshot } from './plan-request.ts';
import type { VariantFacts } from './weights.ts';

/** The best placement of one variant on one device, or, when nothing fits, the one that lacks least. */
export interface PlacementChoice {
  readonly placement: Placement;
  readonly memory: MemoryEstimate;
  readonly fits: boolean;
  readonly reasons: readonly string[];
}

interface Budget {
  readonly deviceBytes: number;
  readonly hostBytes: number;
}

type Estimate = (placement: Placement) => MemoryEstimate;

/** Whole layers from the device's memory down; then as many slots as cost no layer. */
export function placements(
  variant: VariantFacts,
  device: DeviceFacts,
  request: PlanRequest,
  { host, margins, capabilities }: PlanSnapshot,
): PlacementChoice {
  const { weights } = variant;
  const isCpu = device.kind === 'CPU';
  const runtime = capabilities[device.backendId]!;
  const estimate: Estimate = (placement) =>
    isCpu ? cpuFootprint(weights, placement) : gpuFootprint(weights, placement);
  const budget = budgetOf(device, host, margins);
  const fitsIn = (placement: Placement) => lacking(estimate(placement), budget, isCpu).length === 0;

  const layers = totalLayers(weights);
  const wanted = isCpu ? 0 : Math.min(request.gpuLayers ?? layers, layers);
  const least = request.gpuLayers === null && !isCpu ? 1 : wanted;
  const placed = placeLayers({ ...basePlacement(request, runtime), gpuLayers: wanted }, least, fitsIn);
  const fits = fitsIn(placed);
  const placement = fits ? growSlots(placed, request.slotsWanted, fitsIn) : placed;
  const memory = estimate(placement);
  return { placement, memory, fits, reasons: reasonsFor(placement, memory) };

  function reasonsFor(chosen: Placement, needed: MemoryEstimate): string[] {
    const missing = lacking(needed, budget, isCpu);
    if (missing.length > 0) return missing;
    const margin = gib(isCpu ? margins.hostBytes : margins.deviceBytes);
    const room = `${gib(needed.deviceTotalBytes)} of ${gib(device.memoryFreeBytes)} free, ${margin} kept as margin`;
    if (isCpu) return [`Fits in host memory: ${room}.`];
    const why = chosen.gpuLayers < layers && request.gpuLayers === null ? ', all that fit' : '';
    return [`${chosen.gpuLayers} of ${layers} layers on the device${why}: ${room}.`];
  }
}

function basePlacement(request: PlanRequest, runtime: RuntimeCapabilities): Placement {
  return {
    gpuLayers: 0,
    cpuExpertLayers: 0,
    contextSize: request.contextSize,
    slots: request.slots,
    kvCacheType: runtime.kvCacheType,
    batchSize: runtime.batchSize,
  };
}

/** The most layers between `least` and the placement's own that fit; `least` when none does. */
function placeLayers(from: Placement, least: number, fitsIn: (placement: Placement) => boolean): Placement {
  for (let gpuLayers = from.gpuLayers; gpuLayers > least; gpuLayers--) {
    const placement = { ...from, gpuLayers };
    if (fitsIn(placement)) return placement;
  }
  return { ...from, gpuLayers: least };
}

function growSlots(from: Placement, wanted: number, fitsIn: (placement: Placement) => boolean): Placement {
  let placement = from;
  while (placement.slots < wanted && fitsIn({ ...placement, slots: placement.slots + 1 }))
    placement = { ...placement, slots: placement.slots + 1 };
  return placement;
}

function budgetOf(device: DeviceFacts, host: HostFacts, margins: PlanSnapshot['margins']): Budget {
  const deviceMargin = device.kind === 'CPU' ? margins.hostBytes : margins.deviceBytes;
  return {
    deviceBytes: device.memoryFreeBytes - deviceMargin,
    hostBytes: host.memoryFreeBytes - margins.hostBytes,
  };
}

/** One sentence per limit that is broken, with the bytes that are missing. */
function lacking(memory: MemoryEstimate, budget: Budget, isCpu: boolean): string[] {
  const missing = (kind: string, needed: number, available: number) =>
    needed <= available
      ? []
      : [
          `Lacks ${needed - available} bytes (${gib(needed - available)}) of ${kind} memory: ` +
            `needs ${gib(needed)}, ${gib(Math.max(0, available))} may be used.`,
        ];
  return isCpu
    ? missing('host', memory.deviceTotalBytes, budget.deviceBytes)
    : [
        ...missing('device', memory.deviceTotalBytes, budget.deviceBytes),
        ...missing('host', memory.hostTotalBytes, budget.hostBytes),
      ];
}

function gib(bytes: number): string {
  return bytes < 2 ** 30 ? `${(bytes / 2 ** 20).toFixed(0)} MiB` : `${(bytes / 2 ** 30).toFixed(2)} GiB`;
}

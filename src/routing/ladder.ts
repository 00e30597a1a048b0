import { plan, type Plan } from './plan.ts';
import type { PlanRequest, PlanSnapshot } from './plan-request.ts';

/** A plan to try when the one before it did not get its memory, and what it gives up. */
interface Rung {
  readonly gives: string;
  readonly change: Partial<PlanRequest>;
  /** Share of the failed plan's bytes that may be used on its target; all that is free where it is left out. */
  readonly share?: number;
  /** Only variants smaller than the failed one. */
  readonly isSmaller?: boolean;
}

const SMALL_BATCH = 128;

/** What may be given up, cheapest first. Whatever was asked for stays. */
function rungsFor(failed: Plan, request: PlanRequest, snapshot: PlanSnapshot): Rung[] {
  const { quantization, deviceId, kvCacheType } = failed;
  const here = { quantization, deviceId, kvCacheType };
  const isGpu = failed.deviceKind !== 'CPU';
  const runtime = snapshot.capabilities[failed.backendId];
  const hasLayersToGive = isGpu && request.gpuLayers === null && runtime?.partialOffload === true;
  const hasBatchToGive = request.batchSize === null && failed.batchSize > SMALL_BATCH;
  const smallBatch = hasBatchToGive ? { ...here, batchSize: SMALL_BATCH } : here;
  const kvTypes = request.kvCacheType === null ? (runtime?.kvCacheTypes ?? []).slice(1) : [];
  const cpus = snapshot.devices.filter(({ kind }) => kind === 'CPU');
  const mayMove = isGpu && request.deviceId === null && request.gpuLayers === null;
  return [
    ...(hasLayersToGive
      ? [0.85, 0.6].map((share) => ({ gives: 'fewer layers on the device', change: here, share }))
      : []),
    ...(hasBatchToGive ? [{ gives: 'a smaller batch', change: smallBatch, share: 0.5 }] : []),
    ...kvTypes.map((smaller) => ({
      gives: `a ${smaller} KV cache`,
      change: { ...smallBatch, kvCacheType: smaller },
      share: 0.45,
    })),
    ...(request.quantization === null
      ? [0.85, 0.4].map((share) => ({
          gives: 'a smaller quantization',
          change: { deviceId, kvCacheType },
          share,
          isSmaller: true,
        }))
      : []),
    ...(mayMove
      ? cpus.map(({ id }) => ({
          gives: 'the CPU',
          change: { quantization: request.quantization, deviceId: id },
        }))
      : []),
  ];
}

/**
 * The plans to try, in order, after `failed` did not get its memory: fewer layers, a smaller batch, a smaller KV
 * type, a smaller quantization unless one was asked for, the CPU. Each takes less of the target than the one before.
 */
export function ladder(failed: Plan, request: PlanRequest, snapshot: PlanSnapshot): Plan[] {
  const found: Plan[] = [];
  let least = failed;
  for (const rung of rungsFor(failed, request, snapshot)) {
    const next = chosenBy(rung, { failed, request, snapshot });
    if (next === null) continue;
    const isElsewhere = next.deviceId !== failed.deviceId;
    if (!isElsewhere && next.memory.deviceTotalBytes >= least.memory.deviceTotalBytes) continue;
    const { gpuLayers, memory } = found.at(-1) ?? failed;
    const because = `No memory for ${memory.deviceTotalBytes} bytes with ${gpuLayers} layers on the device: trying ${rung.gives}.`;
    // The last reason is about the rank among the rung's own candidates.
    found.push({ ...next, reasons: [because, ...next.reasons.slice(0, -1)] });
    if (!isElsewhere) least = next;
  }
  return found;
}

function chosenBy(
  { change, share, isSmaller }: Rung,
  { failed, request, snapshot }: { failed: Plan; request: PlanRequest; snapshot: PlanSnapshot },
): Plan | null {
  const size = snapshot.variants.find(({ id }) => id === failed.variantId)?.sizeBytes ?? Infinity;
  const variants =
    isSmaller === true ? snapshot.variants.filter(({ sizeBytes }) => sizeBytes < size) : snapshot.variants;
  const devices = snapshot.devices.map((device) => {
    const bytes = failed.shares.find(({ deviceId }) => deviceId === device.id)?.bytes;
    if (share === undefined || bytes === undefined) return device;
    const margin = device.kind === 'CPU' ? snapshot.margins.hostBytes : snapshot.margins.deviceBytes;
    return { ...device, memoryFreeBytes: Math.min(device.memoryFreeBytes, bytes * share + margin) };
  });
  return plan({ ...request, slotsWanted: request.slots, ...change }, { ...snapshot, variants, devices })
    .chosen;
}

import type { KvCacheType } from './ggml-types.ts';
import type { WeightFormat } from './weights.ts';

export type DeviceKind = 'CUDA' | 'METAL' | 'VULKAN' | 'CPU' | 'WEBGPU' | 'REMOTE';
/** How a memory figure is known. */
export type MemorySource = 'MEASURED' | 'DECLARED' | 'PROBED' | 'ESTIMATED';

/** How fast a memory is read, bytes per second. Null where unknown; never guessed. */
export interface MemorySpeed {
  /** From a data sheet, or as declared. */
  readonly memoryBandwidth: number | null;
  /** What decoding really reached here, from the gateway's own runs. */
  readonly observations: readonly SpeedObservation[];
}

/** A run that read `bytesPerToken` and reached `bytesPerSecond` doing so. */
export interface SpeedObservation {
  readonly bytesPerToken: number;
  readonly bytesPerSecond: number;
}

/** What a browser says of the GPU behind it. Bytes. */
export interface WebGpuFacts {
  readonly vendor: string;
  readonly architecture: string;
  /** A GPU in software, on the CPU: WebGPU's own word is fallback adapter. */
  readonly isFallbackAdapter: boolean;
  /** As WebGPU names them, e.g. `shader-f16`. */
  readonly features: readonly string[];
  readonly maxBufferBytes: number;
  readonly maxStorageBufferBindingBytes: number;
}

/** A browser that lends itself. */
export interface LenderFacts {
  /** As the person who lends it calls it; empty where nobody said. */
  readonly name: string;
  /** Of its engines. */
  readonly runtimeVersion: string;
  /** While its socket is lost: when it is given up, milliseconds since 1970. Null while it is here. */
  readonly awayUntil: number | null;
}

/** A place that can hold and run a variant. Bytes. */
export interface DeviceFacts extends MemorySpeed {
  readonly id: string;
  readonly backendId: string;
  readonly name: string;
  readonly kind: DeviceKind;
  readonly memoryTotalBytes: number;
  readonly memoryFreeBytes: number;
  readonly memorySource: MemorySource;
  /** What can run on it; all that its runtime can where left out. */
  readonly formats?: readonly WeightFormat[];
  /** Devices of which only the sum is known and over which the runtime spreads every model; 1 where left out. */
  readonly units?: number;
  /** Of a browser's GPU. */
  readonly webGpu?: WebGpuFacts | null;
  /** Whose it is, where it is lent. */
  readonly lender?: LenderFacts | null;
}

/** The memory that holds what a device does not. */
export interface HostFacts extends MemorySpeed {
  readonly memoryFreeBytes: number;
}

/** What a runtime can do, as data. */
export interface RuntimeCapabilities {
  readonly formats: readonly WeightFormat[];
  /** Can keep some layers on the host; else everything is on the device. */
  readonly partialOffload: boolean;
  /** Can keep the experts of some layers on the host (llama.cpp's --n-cpu-moe). */
  readonly cpuExperts: boolean;
  /** Can spread the layers of one model over several of its devices. */
  readonly multiDevice: boolean;
  /** The one it uses by itself comes first. */
  readonly kvCacheTypes: readonly KvCacheType[];
  /** Tokens computed at once while a prompt is read. */
  readonly batchSize: number;
  /** Can measure how well a model predicts a text; false where left out. */
  readonly scoring?: boolean;
  /** Can tell which tokens a model holds likely next; false where left out. */
  readonly prediction?: boolean;
}

/** Bytes that stay free on each device, and on the host. */
export interface Margins {
  readonly deviceBytes: number;
  readonly hostBytes: number;
}

/** Of what a person lends of a browser's GPU: WebGPU tells nobody what is free, and browsers keep some too. */
const BROWSER_MARGIN = 0.2;

/** What no plan uses of a device's memory, bytes. */
export function marginOf({ kind, memoryTotalBytes, units = 1 }: DeviceFacts, margins: Margins): number {
  if (kind === 'CPU') return margins.hostBytes;
  if (kind === 'WEBGPU') return Math.ceil(memoryTotalBytes * BROWSER_MARGIN);
  return margins.deviceBytes * units;
}

/** Where a plan puts a variant: one device, or several of one runtime. */
export interface Target {
  /** The device's id; of several, their ids joined with `+`. */
  readonly id: string;
  readonly backendId: string;
  readonly name: string;
  readonly kind: DeviceKind;
  readonly devices: readonly DeviceFacts[];
}

/** Every device by itself, and all GPUs of a runtime together where it can spread a model over them. */
export function targetsOf(
  devices: readonly DeviceFacts[],
  capabilities: Readonly<Record<string, RuntimeCapabilities>>,
): Target[] {
  const single = devices.map((device) => targetOf([device]));
  const together = Object.entries(capabilities)
    .filter(([, { multiDevice }]) => multiDevice)
    .map(([backendId]) =>
      devices
        .filter((device) => device.backendId === backendId && device.kind !== 'CPU')
        .toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    )
    .filter((gpus) => gpus.length > 1)
    .map(targetOf);
  return [...single, ...together];
}

function targetOf(devices: readonly DeviceFacts[]): Target {
  const { backendId, kind } = devices[0]!;
  const names = devices.map(({ name }) => name);
  const isUniform = new Set(names).size === 1;
  return {
    id: devices.map(({ id }) => id).join('+'),
    backendId,
    name: isUniform && names.length > 1 ? `${names.length} × ${names[0]}` : names.join(' + '),
    kind,
    devices,
  };
}

import type { KvCacheType } from './ggml-types.ts';
import type { WeightFormat } from './weights.ts';

export type DeviceKind = 'CUDA' | 'METAL' | 'VULKAN' | 'CPU' | 'WEBGPU' | 'REMOTE';
/** How a memory figure is known. */
export type MemorySource = 'MEASURED' | 'DECLARED' | 'PROBED' | 'ESTIMATED';

/** A place that can hold and run a variant. Bytes, and bytes per second. */
export interface DeviceFacts {
  readonly id: string;
  readonly backendId: string;
  readonly name: string;
  readonly kind: DeviceKind;
  readonly memoryTotalBytes: number;
  readonly memoryFreeBytes: number;
  readonly memorySource: MemorySource;
  /** Null where unknown; never guessed. */
  readonly memoryBandwidth: number | null;
}

/** The memory that holds what a device does not. */
export interface HostFacts {
  readonly memoryFreeBytes: number;
  readonly memoryBandwidth: number | null;
}

/** What a runtime can do, as data. */
export interface RuntimeCapabilities {
  readonly formats: readonly WeightFormat[];
  /** Can keep the experts of some layers on the host (llama.cpp's --n-cpu-moe). */
  readonly cpuExperts: boolean;
  readonly kvCacheType: KvCacheType;
  /** Tokens computed at once while a prompt is read. */
  readonly batchSize: number;
}

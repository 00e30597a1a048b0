import type { KvCacheType } from './ggml-types.ts';

/** How a variant is laid out between a device and the host. */
export interface Placement {
  /** Counted as llama.cpp's --n-gpu-layers does: repeating layers + 1 for the output layer. */
  readonly gpuLayers: number;
  /** Layers on the device whose experts stay on the host. */
  readonly cpuExpertLayers: number;
  /** Tokens that each slot can hold. */
  readonly contextSize: number;
  readonly slots: number;
  readonly kvCacheType: KvCacheType;
  readonly batchSize: number;
}

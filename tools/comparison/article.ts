import type { ReferenceQuantization } from '../reference-models/models.ts';

/** One run of Mixtral 8x7B Instruct on a V100 of 16160 MiB, context 2048, 8 threads, December 2023. */
export interface MeasuredRun {
  readonly quantization: ReferenceQuantization;
  readonly gigabytes: number;
  /** As llama.cpp counted then: repeating layers only. */
  readonly layers: number;
  /** The same layers as llama.cpp counts now, the output layer included. */
  readonly gpuLayers: number;
  readonly tokensPerSecond: number;
  readonly promptTokensPerSecond: number;
  readonly loadSeconds: number;
}

export const MEASURED_RUNS: readonly MeasuredRun[] = [
  {
    quantization: 'Q2_K',
    gigabytes: 15.64,
    layers: 28,
    gpuLayers: 29,
    tokensPerSecond: 13.03,
    promptTokensPerSecond: 34.55,
    loadSeconds: 5.4,
  },
  {
    quantization: 'Q4_K_M',
    gigabytes: 26.44,
    layers: 19,
    gpuLayers: 20,
    tokensPerSecond: 6.92,
    promptTokensPerSecond: 8.8,
    loadSeconds: 6.8,
  },
];

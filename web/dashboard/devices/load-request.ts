import type { VariablesOf } from 'gql.tada';
import type { LOAD } from './documents.ts';

/** As typed and chosen; '' leaves it to the gateway. */
export interface Chosen {
  readonly model: string;
  readonly quantization: string;
  readonly device: string;
  readonly pinned: boolean;
  readonly slots: string;
  readonly contextSize: string;
  readonly gpuLayers: string;
  readonly kvCacheType: '' | 'F16' | 'Q8_0' | 'Q4_0';
}

export const NOTHING_CHOSEN: Chosen = {
  model: '',
  quantization: '',
  device: '',
  pinned: false,
  slots: '',
  contextSize: '',
  gpuLayers: '',
  kvCacheType: '',
};

export function loadRequest({ model, pinned, ...chosen }: Chosen): VariablesOf<typeof LOAD> {
  const { quantization, device, slots, contextSize, gpuLayers, kvCacheType } = chosen;
  return {
    model,
    pinned,
    ...(quantization !== '' && { quantization }),
    ...(device !== '' && { device }),
    ...(slots !== '' && { slots: Number(slots) }),
    ...(contextSize !== '' && { contextSize: Number(contextSize) }),
    ...(gpuLayers !== '' && { gpuLayers: Number(gpuLayers) }),
    ...(kvCacheType !== '' && { kvCacheType }),
  };
}

import type { DeviceFacts, HostFacts } from '../../src/routing/device.ts';
import { plan, type Plan } from '../../src/routing/plan.ts';
import type { PlanSnapshot } from '../../src/routing/plan-request.ts';
import { bytesPerToken } from '../../src/routing/speed.ts';
import type { VariantFacts } from '../../src/routing/weights.ts';
import { referenceVariant } from '../reference-models/facts.ts';
import { quantizationsOf, type ExpertMix, type ReferenceModelId } from '../reference-models/models.ts';

/** The article's card, and a host as it may have had; how fast its memory was, the article does not say. */
export const V100: DeviceFacts = {
  id: 'v100',
  backendId: 'llama-cpp',
  name: 'Tesla V100',
  kind: 'CUDA',
  memoryTotalBytes: 16160 * 2 ** 20,
  memoryFreeBytes: 16160 * 2 ** 20,
  memorySource: 'DECLARED',
  memoryBandwidth: 900e9,
  observations: [],
};
export const HOST: HostFacts = { memoryFreeBytes: 64 * 2 ** 30, memoryBandwidth: 40e9, observations: [] };
export const CONTEXT_SIZE = 2048;
export const MARGIN_BYTES = 2 ** 30;

export interface Planned {
  readonly variant: VariantFacts;
  readonly plan: Plan;
  /** Weights that one token reads, wherever they are. */
  readonly bytesPerToken: number;
}

/** The variants of a model, the poorest first. */
export const variantsOf = (modelId: ReferenceModelId, mix: ExpertMix): VariantFacts[] =>
  quantizationsOf(modelId, mix).map((quantization) => referenceVariant(modelId, quantization, mix));

interface Pins {
  readonly gpuLayers?: number;
  readonly marginBytes?: number;
}

/** What the planner makes of each variant by itself. */
export const planEach = (variants: readonly VariantFacts[], pins: Pins = {}): Planned[] =>
  variants.map((variant) => {
    const [best] = candidatesOf([variant], pins);
    if (best === undefined) throw new Error(`There is no plan for ${variant.id}.`);
    const { device, host } = bytesPerToken(variant, best, true);
    return { variant, plan: best, bytesPerToken: device + host };
  });

/** The quantization it would choose of all of them; null when none fits. */
export function chosenOf(variants: readonly VariantFacts[]): string | null {
  const [best] = candidatesOf(variants, {});
  return best?.fits === true ? best.quantization : null;
}

function candidatesOf(
  variants: readonly VariantFacts[],
  { gpuLayers, marginBytes = MARGIN_BYTES }: Pins,
): readonly Plan[] {
  const snapshot: PlanSnapshot = {
    variants,
    devices: [V100],
    host: HOST,
    capabilities: {
      'llama-cpp': {
        formats: ['GGUF'],
        partialOffload: true,
        cpuExperts: false,
        multiDevice: true,
        kvCacheTypes: ['F16'],
        batchSize: 512,
      },
    },
    margins: { deviceBytes: marginBytes, hostBytes: MARGIN_BYTES / 2 },
  };
  const request = {
    quantization: null,
    gpuLayers: gpuLayers ?? null,
    contextSize: CONTEXT_SIZE,
    slots: 1,
    slotsWanted: 1,
    kvCacheType: null,
    batchSize: null,
    objective: 'BALANCED',
    deviceId: null,
  } as const;
  return plan(request, snapshot).candidates;
}

import type { DeviceFacts, HostFacts, Margins, RuntimeCapabilities } from './device.ts';
import type { KvCacheType } from './ggml-types.ts';
import type { VariantFacts } from './weights.ts';

export type PlanObjective = 'QUALITY' | 'BALANCED' | 'SPEED';

/** What to plan. Null leaves the choice to the planner. */
export interface PlanRequest {
  readonly quantization: string | null;
  /** Counted as llama.cpp's --n-gpu-layers does. */
  readonly gpuLayers: number | null;
  /** Tokens that each slot must hold. */
  readonly contextSize: number;
  /** Slots that the plan must have. */
  readonly slots: number;
  /** Slots worth having where they cost no layer and no quality; at least `slots`. */
  readonly slotsWanted: number;
  /** Null: the runtime's own; a smaller one only where nothing fits with that. */
  readonly kvCacheType: KvCacheType | null;
  /** Tokens computed at once while a prompt is read; null: the runtime's own. */
  readonly batchSize: number | null;
  readonly objective: PlanObjective;
  readonly deviceId: string | null;
}

/** Everything a plan depends on, as of one moment. */
export interface PlanSnapshot {
  /** The variants of one model. */
  readonly variants: readonly VariantFacts[];
  readonly devices: readonly DeviceFacts[];
  readonly host: HostFacts;
  readonly capabilities: Readonly<Record<string, RuntimeCapabilities>>;
  readonly margins: Margins;
}

import type { Plan } from '../../routing/plan.ts';

/** A measurement under way. */
export interface EnergySpan {
  /** Joules since it began; null where there was too little to go by. Call it once, also when nobody wants it any more. */
  end(): Promise<number | null>;
}

/** Tells what a device consumes. */
export interface EnergyMeter {
  /** Null where the platform does not tell. */
  begin(plan: Plan): EnergySpan | null;
}

/** The meters of each device that a plan uses, together: null as soon as one of them does not tell. */
export class DeviceEnergy implements EnergyMeter {
  readonly #meters: { readonly nvidia: EnergyMeter; readonly cpu: EnergyMeter };

  constructor(meters: { readonly nvidia: EnergyMeter; readonly cpu: EnergyMeter }) {
    this.#meters = meters;
  }

  begin(plan: Plan): EnergySpan | null {
    const { nvidia, cpu } = this.#meters;
    if (plan.deviceKind === 'CPU') return cpu.begin(plan);
    if (plan.deviceKind !== 'CUDA') return null;
    const isPartial = plan.gpuLayers < plan.totalLayers || plan.cpuExpertLayers > 0;
    const spans = (isPartial ? [nvidia, cpu] : [nvidia]).map((meter) => meter.begin(plan));
    return {
      end: async () => {
        const joules = await Promise.all(spans.map(async (span) => (await span?.end()) ?? null));
        return joules.reduce<number | null>(
          (sum, each) => (sum === null || each === null ? null : sum + each),
          0,
        );
      },
    };
  }
}

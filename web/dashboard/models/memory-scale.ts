const GIB = 2 ** 30;
/** Twice as much memory is this many steps of the slider. */
const STEPS_PER_DOUBLING = 16;
const MOST_BYTES = 80 * GIB;

/** The slider's positions: a doubling is as far everywhere, or all models but the largest would be one step. */
export interface MemoryScale {
  readonly steps: number;
  readonly bytesAt: (step: number) => number;
  /** The position nearest to so many bytes. */
  readonly stepAt: (bytes: number) => number;
}

/** From the margin and too little for the smallest variant, to the largest card, above the margin. */
export function memoryScale(smallestBytes: number, marginBytes: number): MemoryScale {
  const least = Math.max(2 ** 16, smallestBytes / 8);
  const steps = Math.ceil(STEPS_PER_DOUBLING * Math.log2(MOST_BYTES / least));
  const clamp = (step: number): number => Math.min(steps, Math.max(0, Math.round(step)));
  return {
    steps,
    bytesAt: (step) =>
      Math.min(MOST_BYTES, Math.round(marginBytes + least * 2 ** (step / STEPS_PER_DOUBLING))),
    stepAt: (bytes) => clamp(STEPS_PER_DOUBLING * Math.log2(Math.max(1, bytes - marginBytes) / least)),
  };
}

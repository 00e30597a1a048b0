import type { Choices } from '../parts/choices.ts';
import { EMPTY_LANE, LEAST_LANES, MOST_LANES, type LaneSettings } from './settings.ts';

const BROWSERS = 'webgpu';
const NATIVE = 'llama-cpp';

/** A lane for each quantization of a model, the smallest first; null where there are too few. */
export function everyQuantization({ models }: Choices, model: string): readonly LaneSettings[] | null {
  const variants = models.find(({ id }) => id === model)?.variants ?? [];
  if (variants.length < LEAST_LANES) return null;
  return variants
    .toSorted((one, other) => one.sizeBytes - other.sizeBytes)
    .slice(0, MOST_LANES)
    .map(({ quantization }) => ({ ...EMPTY_LANE, model, quantization }));
}

/**
 * The same file at llama.cpp and in a browser that lends itself; null where none does, or the model has no such file.
 * The lane's quantization, or else the smallest.
 */
export function nativeAgainstBrowser(choices: Choices, lane: LaneSettings): readonly LaneSettings[] | null {
  const lent = choices.backends.find(({ id }) => id === BROWSERS);
  if (lent === undefined || !lent.available || lent.devices.length === 0) return null;
  const files = (choices.models.find(({ id }) => id === lane.model)?.variants ?? [])
    .filter(({ format }) => format === 'GGUF')
    .toSorted((one, other) => one.sizeBytes - other.sizeBytes);
  const file = files.find(({ quantization }) => quantization === lane.quantization) ?? files[0];
  if (file === undefined) return null;
  return [NATIVE, BROWSERS].map((backend) => ({
    ...EMPTY_LANE,
    model: lane.model,
    quantization: file.quantization,
    place: `backend ${backend}`,
  }));
}

import { useAnswer } from '../api/use-answer.ts';
import { FIT } from './documents.ts';

/** Too little for anything, so that the planner says how much below its margin it is. */
const TOO_LITTLE_BYTES = 1;

/** Bytes of a GPU that the gateway's configuration keeps free; null until it is known. */
export function useMargin(model: string): number | null {
  const hypotheticalDevice = { kind: 'CUDA' as const, memoryTotalBytes: TOO_LITTLE_BYTES };
  const { data } = useAnswer(FIT, { input: { model, hypotheticalDevice } });
  const shortfall = data?.plan.candidates
    .flatMap(({ shortfalls }) => shortfalls)
    .find(({ limit }) => limit === 'DEVICE_MEMORY');
  return shortfall === undefined ? null : TOO_LITTLE_BYTES - shortfall.availableBytes;
}

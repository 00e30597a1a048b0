import { EMPTY_LANE, type CompareSettings } from '../compare/settings.ts';
import { saidBefore, type Settings } from './settings.ts';
import type { Turn } from './turn.ts';

/** What the playground holds, to begin a comparison with: two lanes as it would run, of which one is then changed. */
export function comparedSettings(
  settings: Settings,
  turns: readonly Turn[],
  prompt: string,
): Partial<CompareSettings> {
  const isNew = prompt.trim() !== '';
  const { isRaw, system, sampling, maxTokens, model, quantization, place, contextSize } = settings;
  const lane = { ...EMPTY_LANE, model, quantization, place, contextSize };
  return {
    ...{ isRaw, system, sampling, maxTokens },
    prompt: isNew ? prompt : (turns.at(-1)?.prompt ?? ''),
    before: isRaw ? [] : saidBefore(isNew ? turns : turns.slice(0, -1)),
    lanes: [lane, lane],
  };
}

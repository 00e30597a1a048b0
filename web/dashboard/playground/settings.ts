import { backendOf, deviceOf, numberOf, type Place } from '../parts/place.ts';
import type { PlanInput } from '../parts/plan-fields.ts';
import { DEFAULT_SAMPLING, samplingInput, type Sampling } from '../parts/sampling.ts';
import type { GenerateInput } from './documents.ts';
import type { Turn } from './turn.ts';

/** What the form holds, as text where a person may leave it empty: empty leaves the choice to the gateway. */
export interface Settings extends Place {
  readonly isRaw: boolean;
  readonly system: string;
  readonly objective: 'QUALITY' | 'BALANCED' | 'SPEED';
  readonly contextSize: string;
  readonly maxTokens: string;
  readonly sampling: Sampling;
}

export const DEFAULT_SETTINGS: Settings = {
  isRaw: false,
  system: '',
  model: '',
  quantization: '',
  place: '',
  objective: 'BALANCED',
  contextSize: '',
  maxTokens: '',
  sampling: DEFAULT_SAMPLING,
};

/** What was left out stays out, so that the gateway's and the model's own defaults hold. */
function common(settings: Settings) {
  const contextSize = numberOf(settings.contextSize);
  return {
    model: settings.model,
    objective: settings.objective,
    ...(settings.quantization !== '' && { quantization: settings.quantization }),
    ...(deviceOf(settings) !== null && { device: deviceOf(settings) }),
    ...(contextSize !== null && { contextSize }),
  };
}

export const planInput = (settings: Settings): PlanInput => common(settings);

export function generateInput(settings: Settings, turns: readonly Turn[], prompt: string): GenerateInput {
  return {
    ...common(settings),
    backend: backendOf(settings),
    maxTokens: numberOf(settings.maxTokens),
    onDisconnect: 'CONTINUE',
    prompt: settings.isRaw ? { text: prompt } : { messages: messagesOf(settings, turns, prompt) },
    ...samplingInput(settings.sampling),
  };
}

function messagesOf({ system }: Settings, turns: readonly Turn[], prompt: string) {
  return [
    ...(system.trim() === '' ? [] : [{ role: 'SYSTEM' as const, content: system }]),
    ...saidBefore(turns),
    { role: 'USER' as const, content: prompt },
  ];
}

/** Of a raw prompt nothing is said again, and of an answer that failed only what there is. */
export const saidBefore = (turns: readonly Turn[]) =>
  turns
    .filter(({ isRaw }) => !isRaw)
    .flatMap((turn) => [
      { role: 'USER' as const, content: turn.prompt },
      ...(turn.text === '' ? [] : [{ role: 'ASSISTANT' as const, content: turn.text }]),
    ]);

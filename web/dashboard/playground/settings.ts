import type { Choices, GenerateInput, PlanInput } from './documents.ts';
import type { Turn } from './turn.ts';

/** What the form holds, as text where a person may leave it empty: empty leaves the choice to the gateway. */
export interface Settings {
  readonly isRaw: boolean;
  readonly system: string;
  readonly model: string;
  readonly quantization: string;
  /** '', `backend <id>` or `device <id>`. */
  readonly place: string;
  readonly objective: 'QUALITY' | 'BALANCED' | 'SPEED';
  readonly contextSize: string;
  readonly maxTokens: string;
  readonly sampling: Readonly<Record<SamplingName, string>>;
}

interface SamplingField {
  readonly name: string;
  /** The schema's default, shown where nothing is typed: a manifest may say another. */
  readonly usual: string;
  readonly min: number;
  readonly max: number;
  readonly step: number;
}

export const SAMPLING_FIELDS = [
  { name: 'temperature', usual: '0.7', min: 0, max: 10, step: 0.05 },
  { name: 'topK', usual: '40', min: 0, max: 1_000_000, step: 1 },
  { name: 'topP', usual: '0.95', min: 0, max: 1, step: 0.01 },
  { name: 'minP', usual: '0.05', min: 0, max: 1, step: 0.01 },
  { name: 'repeatPenalty', usual: '1.1', min: 0.01, max: 10, step: 0.01 },
  { name: 'seed', usual: '', min: 0, max: 2 ** 32 - 2, step: 1 },
] as const satisfies readonly SamplingField[];
export type SamplingName = (typeof SAMPLING_FIELDS)[number]['name'];

export const DEFAULT_SETTINGS: Settings = {
  isRaw: false,
  system: '',
  model: '',
  quantization: '',
  place: '',
  objective: 'BALANCED',
  contextSize: '',
  maxTokens: '',
  sampling: { temperature: '', topK: '', topP: '', minP: '', repeatPenalty: '', seed: '' },
};

const numberOf = (text: string): number | null => (text.trim() === '' ? null : Number(text));
const idOf = (place: string, kind: string): string | null =>
  place.startsWith(`${kind} `) ? place.slice(kind.length + 1) : null;

/** Null where the planner may choose any. */
export const backendOf = ({ place }: Settings): string | null => idOf(place, 'backend');
const deviceOf = ({ place }: Settings): string | null => idOf(place, 'device');

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

/** What is not there any more is chosen no more; the first model stands for none. */
export function knownSettings(settings: Settings, { models, backends }: Choices): Settings {
  const model = models.find(({ id }) => id === settings.model) ?? models[0];
  const places = backends
    .filter(({ available }) => available)
    .flatMap(({ id, devices }) => [`backend ${id}`, ...devices.map((device) => `device ${device.id}`)]);
  const isVariant = model?.variants.some(({ quantization }) => quantization === settings.quantization);
  return {
    ...settings,
    model: model?.id ?? '',
    quantization: isVariant === true ? settings.quantization : '',
    place: places.includes(settings.place) ? settings.place : '',
  };
}

export const planInput = (settings: Settings): PlanInput => common(settings);

export function generateInput(settings: Settings, turns: readonly Turn[], prompt: string): GenerateInput {
  const given = Object.entries(settings.sampling).filter(([, text]) => text.trim() !== '');
  return {
    ...common(settings),
    backend: backendOf(settings),
    maxTokens: numberOf(settings.maxTokens),
    onDisconnect: 'CONTINUE',
    prompt: settings.isRaw ? { text: prompt } : { messages: messagesOf(settings, turns, prompt) },
    ...(given.length > 0 && {
      sampling: Object.fromEntries(given.map(([name, text]) => [name, Number(text)])),
    }),
  };
}

/** Of a raw prompt nothing is said again, and of an answer that failed only what there is. */
function messagesOf({ system }: Settings, turns: readonly Turn[], prompt: string) {
  const history = turns
    .filter(({ isRaw }) => !isRaw)
    .flatMap((turn) => [
      { role: 'USER' as const, content: turn.prompt },
      ...(turn.text === '' ? [] : [{ role: 'ASSISTANT' as const, content: turn.text }]),
    ]);
  return [
    ...(system.trim() === '' ? [] : [{ role: 'SYSTEM' as const, content: system }]),
    ...history,
    { role: 'USER' as const, content: prompt },
  ];
}

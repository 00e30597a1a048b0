import { backendOf, deviceOf, knownPlace, numberOf, type Place } from '../parts/place.ts';
import type { Choices } from '../parts/choices.ts';
import type { PlanInput } from '../parts/plan-fields.ts';
import type { PromptKind } from '../parts/prompt-fields.tsx';
import { DEFAULT_SAMPLING, samplingInput, type Sampling } from '../parts/sampling.ts';
import type { CompareInput } from './documents.ts';

export const LEAST_LANES = 2;
export const MOST_LANES = 8;

export interface LaneSettings extends Place {
  readonly gpuLayers: string;
  readonly contextSize: string;
  readonly label: string;
}

interface Message {
  readonly role: 'SYSTEM' | 'USER' | 'ASSISTANT';
  readonly content: string;
}

/** What the form holds; what is empty, the gateway chooses. */
export interface CompareSettings extends PromptKind {
  readonly prompt: string;
  /** Of a chat that the prompt goes on with. */
  readonly before: readonly Message[];
  readonly lanes: readonly LaneSettings[];
  readonly sampling: Sampling;
  readonly maxTokens: string;
  readonly schedule: 'AUTO' | 'TOGETHER' | 'IN_TURN';
  readonly isBlind: boolean;
}

export const EMPTY_LANE: LaneSettings = {
  model: '',
  quantization: '',
  place: '',
  gpuLayers: '',
  contextSize: '',
  label: '',
};

const DEFAULT_SETTINGS: CompareSettings = {
  prompt: '',
  isRaw: false,
  system: '',
  before: [],
  lanes: [EMPTY_LANE, EMPTY_LANE],
  sampling: DEFAULT_SAMPLING,
  maxTokens: '',
  schedule: 'AUTO',
  isBlind: false,
};

const KEY = 'mixgate.compare.1';

/** Of this tab, from before it was loaded again, or from the playground. */
export function readSettings(storage: Storage): CompareSettings {
  try {
    const kept = JSON.parse(storage.getItem(KEY) ?? '{}') as Partial<CompareSettings>;
    return { ...DEFAULT_SETTINGS, ...kept };
  } catch {
    // Of another version, or cut off: an empty form is better than none.
    return DEFAULT_SETTINGS;
  }
}

export function writeSettings(storage: Storage, settings: Partial<CompareSettings>): void {
  try {
    storage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // Full: what is on the page stays there, and the next visit begins anew.
    storage.removeItem(KEY);
  }
}

export const knownLanes = (settings: CompareSettings, choices: Choices): CompareSettings => ({
  ...settings,
  lanes: settings.lanes.map((lane) => knownPlace(lane, choices)),
});

function placeOf(lane: LaneSettings) {
  const [gpuLayers, contextSize] = [numberOf(lane.gpuLayers), numberOf(lane.contextSize)];
  return {
    model: lane.model,
    ...(lane.quantization !== '' && { quantization: lane.quantization }),
    ...(deviceOf(lane) !== null && { device: deviceOf(lane) }),
    ...(gpuLayers !== null && { gpuLayers }),
    ...(contextSize !== null && { contextSize }),
  };
}

export const lanePlanInput = (lane: LaneSettings): PlanInput => placeOf(lane);

export function compareInput(settings: CompareSettings): CompareInput {
  return {
    prompt: settings.isRaw ? { text: settings.prompt } : { messages: messagesOf(settings) },
    lanes: settings.lanes.map((lane) => ({
      ...placeOf(lane),
      backend: backendOf(lane),
      ...(lane.label.trim() !== '' && { label: lane.label.trim() }),
    })),
    maxTokens: numberOf(settings.maxTokens),
    schedule: settings.schedule,
    blind: settings.isBlind,
    onDisconnect: 'CONTINUE',
    ...samplingInput(settings.sampling),
  };
}

const messagesOf = ({ system, before, prompt }: CompareSettings): Message[] => [
  ...(system.trim() === '' ? [] : [{ role: 'SYSTEM' as const, content: system }]),
  ...before,
  { role: 'USER', content: prompt },
];

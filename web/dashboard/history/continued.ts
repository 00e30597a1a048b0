import type { Answer } from '../parts/answer.ts';
import { DEFAULT_SAMPLING, type Sampling } from '../parts/sampling.ts';
import type { Settings } from '../playground/settings.ts';
import { newTurn, type Turn } from '../playground/turn.ts';
import type { GenerationFacts } from './documents.ts';

export interface Conversation {
  readonly settings: Settings;
  /** What had been said before. */
  readonly before: readonly Turn[];
  readonly prompt: string;
}

const textOf = (value: number | null): string => (value === null ? '' : String(value));

function samplingOf({ settings, seed }: GenerationFacts): Sampling {
  const { temperature, topK, topP, minP, repeatPenalty } = settings!.sampling;
  const numbers = { temperature, topK, topP, minP, repeatPenalty, seed };
  const texts = Object.entries(numbers).map(([name, value]) => [name, textOf(value)] as const);
  return { ...DEFAULT_SAMPLING, ...(Object.fromEntries(texts) as Sampling) };
}

function settingsOf(facts: GenerationFacts, system: string): Settings {
  const { model, quantization, backend, device, contextSize, objective, maxTokens } = facts.settings!;
  const place = device !== null ? `device ${device}` : backend !== null ? `backend ${backend}` : '';
  return {
    ...{ model, quantization: quantization ?? '', place, objective, system },
    isRaw: facts.prompt.text !== null,
    contextSize: textOf(contextSize),
    maxTokens: textOf(maxTokens),
    sampling: samplingOf(facts),
  };
}

/**
 * What was asked, as the playground would ask it: its settings, and turns of one prompt and one answer. Null for what it
 * cannot ask, and for what must not be told yet.
 */
export function conversationOf(facts: GenerationFacts): Conversation | null {
  const { text, messages } = facts.prompt;
  if (facts.settings === null) return null;
  if (text !== null) return { settings: settingsOf(facts, ''), before: [], prompt: text };
  const all = messages ?? [];
  const system = all[0]?.role === 'SYSTEM' ? all[0].content : null;
  const said = system === null ? all : all.slice(1);
  const isInTurn = said.every(({ role }, index) => role === (index % 2 === 0 ? 'USER' : 'ASSISTANT'));
  if (!isInTurn || said.length % 2 === 0) return null;
  const before = said
    .filter(({ role }) => role === 'USER')
    .slice(0, -1)
    .map(({ content }, index) => answered(content, said[2 * index + 1]!.content));
  return { settings: settingsOf(facts, system ?? ''), before, prompt: said.at(-1)!.content };
}

const answered = (prompt: string, text: string): Turn => ({
  ...newTurn(prompt, false),
  stage: 'COMPLETED',
  text,
});

/** Its own prompt and answer as a turn. */
export const turnOf = ({ settings, prompt }: Conversation, answer: Answer): Turn => ({
  ...newTurn(prompt, settings.isRaw),
  ...answer,
});

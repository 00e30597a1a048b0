import type { GenerationHappening } from '../../src/generation/events.ts';
import { Comparison } from '../../src/generation/comparison/comparison.ts';
import { Generation } from '../../src/generation/generation.ts';
import { generationRequestSchema, parseRequest } from '../../src/generation/request.ts';
import type { Plan } from '../../src/routing/plan.ts';
import { v7 as newId } from 'uuid';

/** Generations and comparisons that have ended, without anything that ran. */

const USAGE = { promptTokens: 3, cachedPromptTokens: 1, completionTokens: 2 };
const STAGE = { ms: 2, count: 1, msPerToken: 2, tokensPerSecond: 500 };
export const TIMINGS = {
  ...{ queueMs: 1, loadMs: 0, timeToFirstTokenMs: 3, totalMs: 8 },
  ...{ sample: null, promptEval: STAGE, eval: STAGE },
};

export const planOf = (variantId: string, deviceId = 'cpu'): Plan =>
  ({
    ...{ variantId, quantization: variantId.split(':')[1]!, backendId: 'fake', deviceId },
    ...{ deviceName: 'A device', deviceKind: 'CPU', reasons: ['It fits.'], fits: true },
  }) as unknown as Plan;

export interface EndedOptions {
  readonly model?: string;
  readonly quantization?: string;
  readonly device?: string;
  readonly prompt?: string;
  readonly chunks?: readonly string[];
  readonly end?: 'COMPLETED' | 'FAILED' | 'CANCELLED';
  readonly createdAt?: number;
  readonly comparisonId?: string | null;
  readonly callerId?: string;
}

export function endedGeneration({
  model = 'model',
  quantization = 'Q2_K',
  device = 'cpu',
  prompt = 'Say something.',
  chunks = ['One', ' two'],
  end = 'COMPLETED',
  createdAt = Date.now(),
  comparisonId = null,
  callerId = 'test',
}: EndedOptions = {}): Generation {
  let now = createdAt;
  const request = parseRequest(generationRequestSchema, { model, prompt: { text: prompt }, quantization });
  const generation = new Generation({
    ...{ id: newId(), request, callerId, seed: 7, comparisonId },
    now: () => now++,
  });
  const happenings: GenerationHappening[] = [
    { type: 'GenerationQueued', position: 0 },
    { type: 'PlanChosen', plan: planOf(`${model}:${quantization}`, device) },
    ...chunks.map((text, index) => ({ type: 'TokenChunk', text, tokens: 1, tokenIds: [index] }) as const),
  ];
  happenings.forEach((happening) => generation.record(happening));
  generation.startPrefill(123_456);
  if (end === 'FAILED')
    generation.record({
      type: 'GenerationFailed',
      error: { code: 'BACKEND_CRASHED', message: 'It is gone.', retryable: true },
    });
  else if (end === 'CANCELLED') generation.record({ type: 'GenerationCancelled', usage: USAGE });
  else
    generation.record({
      ...{ type: 'GenerationCompleted', finishReason: 'END_OF_TEXT', usage: USAGE, timings: TIMINGS },
      language: generation.reportLanguage(),
    });
  return generation;
}

/** Its lanes come in turns, as two that run at once do. */
export function endedComparison({
  isBlind = false,
  createdAt = Date.now(),
  callerId = 'test',
  lanes = [{}, { quantization: 'Q4_K_M', chunks: ['One', ' three'] }],
}: {
  readonly isBlind?: boolean;
  readonly createdAt?: number;
  readonly callerId?: string;
  readonly lanes?: readonly EndedOptions[];
} = {}): Comparison {
  const id = newId();
  const generations = lanes.map((lane) =>
    endedGeneration({ createdAt, callerId, ...lane, comparisonId: id }),
  );
  const comparison = new Comparison({
    ...{ id, callerId, createdAt: new Date(createdAt), isBlind },
    schedule: { taken: 'TOGETHER', reasons: ['They fit.'] },
    lanes: generations.map((generation, index) => ({
      label: `lane ${index}`,
      inputIndex: index,
      generation,
    })),
  });
  const most = Math.max(...generations.map(({ lastSequence }) => lastSequence));
  for (let sequence = 0; sequence < most; sequence++)
    generations.forEach((generation, lane) => {
      const event = generation.log.eventAfter(sequence, sequence + 1);
      const visible = event === null ? null : comparison.visible(event);
      if (visible !== null) comparison.log.append(lane, visible);
      // A reader is there.
      comparison.log.eventAfter(comparison.log.lastSequence);
    });
  comparison.log.end();
  comparison.noteEnergy(0, 1.5);
  return comparison;
}

import type { EndPart, StageTime } from '../backends/backend.ts';
import { asMixgateError } from '../errors.ts';
import { acquire, type AcquireServices } from './acquire.ts';
import type { StageTiming, Timings } from './events.ts';
import type { Generation } from './generation.ts';

export interface RunServices extends AcquireServices {
  readonly now: () => number;
  /** Slots to load a model with, where memory allows. */
  readonly slotsWanted: number;
}

/** When what began, milliseconds of the gateway's clock, 0 when it did not; and how long the load took. */
interface Waits {
  loadingSince: number;
  loadMs: number;
  grantedAt: number;
}

/**
 * The way of one generation: plan, wait for a slot, let the backend answer, record what happens. Never throws: every
 * generation ends in exactly one final event.
 */
export async function run(generation: Generation, services: RunServices): Promise<void> {
  try {
    await answer(generation, services);
  } catch (error) {
    if (generation.signal.aborted)
      generation.record({ type: 'GenerationCancelled', usage: generation.usage });
    else {
      const { code, message, retryable } = asMixgateError(error);
      generation.record({ type: 'GenerationFailed', error: { code, message, retryable } });
    }
  }
}

async function answer(generation: Generation, services: RunServices): Promise<void> {
  const waits: Waits = { loadingSince: 0, loadMs: 0, grantedAt: 0 };
  const { plan, lease } = await acquireFor(generation, services, waits);
  try {
    waits.grantedAt = services.now();
    generation.startPrefill();
    const { prompt, sampling, maxTokens, stop, jsonSchema } = generation.request;
    const { contextSize } = plan;
    const seeded = { ...sampling, seed: generation.seed };
    const request = { prompt, sampling: seeded, contextSize, maxTokens, stop, jsonSchema };
    const wasAlone = services.residency.watchCompany();
    for await (const part of lease.resident.generate(request, generation.signal)) {
      if (part.type === 'text') {
        generation.record({ type: 'TokenChunk', text: part.text, tokens: part.tokens });
        continue;
      }
      if (wasAlone()) services.planner.noteSpeed(lease.plan, part.timings.eval);
      finish(generation, part, timings(generation, part, waits, services.now()));
    }
  } finally {
    lease.release();
  }
}

function acquireFor(generation: Generation, services: RunServices, waits: Waits) {
  const { id, request, signal } = generation;
  return acquire(
    { ...request, slots: 1, slotsWanted: services.slotsWanted },
    { id, wantsSlot: true, pins: false, priority: request.priority },
    services,
    {
      signal,
      onPlan: (plan) => generation.record({ type: 'PlanChosen', plan }),
      onPosition: (position) => generation.record({ type: 'GenerationQueued', position }),
      onLoading: (progress) => {
        waits.loadingSince ||= services.now();
        waits.loadMs = services.now() - waits.loadingSince;
        generation.record({ type: 'ModelLoading', progress });
      },
    },
  );
}

function finish(generation: Generation, { reason, usage }: EndPart, measured: Timings): void {
  if (reason === 'CANCELLED') generation.record({ type: 'GenerationCancelled', usage });
  else generation.record({ type: 'GenerationCompleted', finishReason: reason, usage, timings: measured });
}

function timings(generation: Generation, end: EndPart, { loadMs, grantedAt }: Waits, now: number): Timings {
  const createdAt = generation.createdAt.getTime();
  const waitedMs = grantedAt - createdAt;
  const { sample, promptEval, eval: decode } = end.timings;
  return {
    queueMs: waitedMs - loadMs,
    loadMs,
    timeToFirstTokenMs:
      generation.firstTokenAt === null ? null : generation.firstTokenAt.getTime() - createdAt,
    sample: sample === null ? null : stage(sample),
    promptEval: stage(promptEval),
    eval: stage(decode),
    totalMs: now - createdAt,
  };
}

function stage({ ms, count }: StageTime): StageTiming {
  return {
    ms,
    count,
    msPerToken: count === 0 ? null : ms / count,
    tokensPerSecond: ms === 0 || count === 0 ? null : (count * 1000) / ms,
  };
}

import type { EndPart, StageTime } from '../backends/backend.ts';
import { asMixgateError, MixgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import { acquire, type AcquireServices } from './acquire.ts';
import { DriftStop, type Retry } from './drift-stop.ts';
import type { FinishReason, StageTiming, Timings } from './events.ts';
import type { Generation } from './generation.ts';
import { logReplan } from './generation-log.ts';
import { TokenCount, type OnTokens } from './token-count.ts';

export interface RunServices extends AcquireServices {
  readonly now: () => number;
  readonly log: Log;
  readonly onTokens: OnTokens;
  /** Slots to load a model with, where memory allows. */
  readonly slotsWanted: number;
  /** How long a generation may wait for its slot, and then run, milliseconds; a request may ask for less. */
  readonly deadlines: { readonly waitMs: number; readonly runMs: number };
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
export async function run(
  generation: Generation,
  services: RunServices,
  retry: Retry = () => null,
): Promise<void> {
  try {
    await answer(generation, services, retry);
  } catch (error) {
    if (generation.signal.aborted) recordAborted(generation);
    else recordFailure(generation, asMixgateError(error));
  }
}

/** The final event of one whose signal was aborted: cancelled or, with an expected error as the reason, failed. */
export function recordAborted(generation: Generation, usage = generation.usage): void {
  const reason: unknown = generation.signal.reason;
  if (reason instanceof MixgateError) recordFailure(generation, reason);
  else generation.record({ type: 'GenerationCancelled', usage });
}

function recordFailure(generation: Generation, { code, message, retryable, data }: MixgateError): void {
  const { retryAfterMs } = data;
  const later = typeof retryAfterMs === 'number' ? { retryAfterMs } : {};
  generation.record({ type: 'GenerationFailed', error: { code, message, retryable, ...later } });
}

/** What a runtime that is gone says; another may do what it could not. */
const LOST: ReadonlySet<string> = new Set(['BACKEND_CRASHED', 'DEVICE_LOST']);

const NOTHING_LEFT: ReadonlySet<string> = new Set(['INVALID_INPUT', 'BACKEND_UNAVAILABLE', 'NO_PLAN_FITS']);

/** Nothing was tried: it is known when that makes sense again. */
const isHeldOff = ({ data }: MixgateError): boolean => data['retryAfterMs'] !== undefined;

/** Where a runtime goes away before it has sent anything, what is left of them is planned with once more. */
async function answer(generation: Generation, services: RunServices, retry: Retry): Promise<void> {
  const waits: Waits = { loadingSince: 0, loadMs: 0, grantedAt: 0 };
  try {
    await attempt(generation, services, waits, retry);
  } catch (error) {
    const isLost = error instanceof MixgateError && LOST.has(error.code) && !isHeldOff(error);
    if (!isLost || generation.firstTokenAt !== null || generation.signal.aborted) throw error;
    services.machine.invalidate();
    generation.trace?.lost(error.code);
    await attempt(generation, services, waits, retry).catch((again: unknown) => {
      // Nothing is left that could do it: then why the first one went is what there is to say.
      throw again instanceof MixgateError && NOTHING_LEFT.has(again.code) ? error : again;
    });
  }
}

async function attempt(
  generation: Generation,
  services: RunServices,
  waits: Waits,
  retry: Retry,
): Promise<void> {
  const { plan, lease } = await acquireFor(generation, services, waits);
  const { maxRunMs } = generation.request;
  const deadline = deadlineIn(Math.min(services.deadlines.runMs, maxRunMs ?? Infinity), runTimeout);
  const drift = new DriftStop(generation, retry);
  const count = new TokenCount(generation, services.onTokens);
  const signal = AbortSignal.any([generation.signal, deadline.signal, drift.signal]);
  let hasAnswered = false;
  try {
    waits.grantedAt = services.now();
    generation.startPrefill(lease.resident.measuredBytes);
    generation.trace?.running(lease.resident.measuredBytes);
    const { prompt, sampling, maxTokens, stop, jsonSchema } = generation.request;
    const { contextSize } = plan;
    const seeded = { ...sampling, seed: generation.seed };
    const traceparent = generation.trace?.traceparent;
    const request = { prompt, sampling: seeded, contextSize, maxTokens, stop, jsonSchema, traceparent };
    const wasAlone = services.residency.watchCompany();
    for await (const part of lease.resident.generate(request, signal)) {
      if (part.type === 'text') {
        const { text, tokens, tokenIds } = part;
        generation.record({ type: 'TokenChunk', text, tokens, tokenIds });
        count.check();
        drift.check();
        continue;
      }
      hasAnswered = part.reason !== 'CANCELLED';
      count.end(part.usage);
      generation.trace?.measured(part);
      const isStopped = part.reason === 'CANCELLED' && drift.isReasonOf(signal);
      if (part.reason === 'CANCELLED' && !generation.signal.aborted && !isStopped) signal.throwIfAborted();
      if (part.reason !== 'CANCELLED') drift.checkWhole();
      if (wasAlone()) services.planner.noteSpeed(lease.plan, part.timings.eval);
      const reason = isStopped ? 'LANGUAGE_DRIFT' : part.reason;
      finish(generation, { ...part, reason }, timings(generation, part, waits, services.now()));
    }
  } finally {
    count.end(generation.usage);
    deadline.clear();
    lease.release(hasAnswered);
  }
}

/** A signal that aborts with an error after some time, unless cleared. */
function deadlineIn(ms: number, error: (ms: number) => MixgateError) {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(error(ms)), Math.min(ms, MAX_TIMER_MS));
  return { signal: controller.signal, clear: () => clearTimeout(timer) };
}

/** setTimeout knows no more. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const waitTimeout = (ms: number) =>
  new MixgateError(
    'WAIT_TIMEOUT',
    `No slot was free within ${ms} ms: try again later, or allow more with maxWaitMs.`,
    {
      maxWaitMs: ms,
    },
  );
const runTimeout = (ms: number) =>
  new MixgateError('RUN_TIMEOUT', `The answer took more than ${ms} ms: what there is of it is kept.`, {
    maxRunMs: ms,
  });

async function acquireFor(generation: Generation, services: RunServices, waits: Waits) {
  const { id, request, callerId, planned } = generation;
  const deadline = deadlineIn(
    Math.min(services.deadlines.waitMs, request.maxWaitMs ?? Infinity),
    waitTimeout,
  );
  try {
    return await acquire(
      { ...request, slots: 1, slotsWanted: services.slotsWanted, planned },
      { id, callerId, wantsSlot: true, pins: false, priority: request.priority },
      services,
      {
        signal: AbortSignal.any([generation.signal, deadline.signal]),
        onPlan: (plan, after) => {
          if (after !== null) logReplan(generation, after, services);
          generation.trace?.planned(plan, after);
          generation.record({ type: 'PlanChosen', plan });
        },
        onPosition: (position) => {
          generation.trace?.queued(position);
          generation.record({ type: 'GenerationQueued', position });
        },
        onLoading: (progress) => {
          waits.loadingSince ||= services.now();
          waits.loadMs = services.now() - waits.loadingSince;
          generation.trace?.loading(progress);
          generation.record({ type: 'ModelLoading', progress });
        },
      },
    );
  } finally {
    deadline.clear();
  }
}

type End = Pick<EndPart, 'usage' | 'memoryBytes'> & { readonly reason: FinishReason | 'CANCELLED' };

function finish(generation: Generation, { reason, usage, memoryBytes }: End, measured: Timings): void {
  if (memoryBytes !== undefined) generation.noteMemory(memoryBytes);
  if (reason === 'CANCELLED') {
    recordAborted(generation, usage);
    return;
  }
  const language = generation.reportLanguage();
  generation.record({
    type: 'GenerationCompleted',
    finishReason: reason,
    usage,
    timings: measured,
    language,
  });
}

function timings(generation: Generation, end: EndPart, { loadMs, grantedAt }: Waits, now: number): Timings {
  const startedAt = generation.startedAt.getTime();
  const waitedMs = grantedAt - startedAt;
  const { sample, promptEval, eval: decode } = end.timings;
  return {
    queueMs: waitedMs - loadMs,
    loadMs,
    timeToFirstTokenMs:
      generation.firstTokenAt === null ? null : generation.firstTokenAt.getTime() - startedAt,
    sample: sample === null ? null : stage(sample),
    promptEval: stage(promptEval),
    eval: stage(decode),
    totalMs: now - startedAt,
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

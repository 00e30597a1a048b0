import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';
import { ErrorCode } from '../errors.ts';
import type { Generation } from '../generation/generation.ts';
import type { Observer, UnloadReason } from '../generation/observer.ts';

/** Seconds: a demo model takes a tenth, 26 GB from a slow disk some minutes. */
const LOAD_BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320];
/** Seconds: from a model that is loaded to a queue that is long. */
const WAIT_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800];
const DURATION_BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800];
/** Tokens per second: from a CPU with too large a model to a GPU with a small one. */
const DECODE_BUCKETS = [0.5, 1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512, 1024];
const PROMPT_BUCKETS = [1, 4, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16_384];

/** By the options that set them. */
const LIMITS: ReadonlySet<string> = new Set([
  'maxQueued',
  'maxQueuedPerCaller',
  'maxPromptBytes',
  'requestsPerMinute',
  'tokensPerMinute',
  'failedSignInsPerMinute',
]);
const ERROR_CODES = Object.keys(ErrorCode);
const FINISH_REASONS = ['END_OF_TEXT', 'MAX_TOKENS', 'STOP_SEQUENCE', 'CONTEXT_FULL', 'LANGUAGE_DRIFT'];
/** prom-client's gauges whose names say that they are counters; the same figures are there without `_total`. */
const MISNAMED = ['handles', 'requests', 'resources'].map((of) => `mixgate_nodejs_active_${of}_total`);

/**
 * What happens, counted for Prometheus when it happens; of a generation when it has ended, so that no token waits for
 * it. Labels have few values, and never one that a caller chooses.
 */
export class Metrics implements Observer {
  readonly registry = new Registry();
  readonly #ended = this.#counter('generations_ended', 'Generations that ended, by final state.', {
    state: ['COMPLETED', 'FAILED', 'CANCELLED'],
  });
  readonly #finished = this.#counter('generations_finished', 'Completed generations, by why they stopped.', {
    reason: FINISH_REASONS,
  });
  readonly #failed = this.#counter('generations_failed', 'Failed generations, by error.', {
    code: ERROR_CODES,
  });
  readonly #driftRetries = this.#counter(
    'drift_retries',
    'Second attempts at an answer that left its language.',
  );
  readonly #promptTokens = this.#counter('prompt_tokens', 'Tokens of prompts, cached ones included.');
  readonly #cachedTokens = this.#counter(
    'prompt_tokens_cached',
    'Tokens of prompts that did not have to be computed again.',
  );
  readonly #tokens = this.#counter(
    'generated_tokens',
    'Tokens of answers, also of such that did not complete.',
  );
  readonly #plans = this.#counter('plans_tried', 'Plans that were tried, those after a failure included.', [
    'quantization',
    'device',
  ]);
  readonly #replans = this.#counter('replans', 'Plans tried because the one before failed, by its error.', {
    reason: ['OUT_OF_MEMORY', 'DEVICE_LOST'],
  });
  readonly #loadFailures = this.#counter('model_load_failures', 'Loads that failed, by error.', {
    code: ERROR_CODES,
  });
  readonly #unloads = this.#counter(
    'model_unloads',
    'Models that left memory: asked to, evicted for another one, or lost with their runtime.',
    { reason: ['ASKED', 'EVICTED', 'LOST'] satisfies UnloadReason[] },
  );
  readonly #comparisons = this.#counter('comparisons_ended', 'Comparisons that ended, by schedule.', {
    schedule: ['TOGETHER', 'IN_TURN'],
  });
  readonly #pulls = this.#counter('pulls_ended', 'Pulls that ended, by final state.', {
    state: ['COMPLETED', 'FAILED', 'CANCELLED'],
  });
  readonly #errors = this.#counter('graphql_errors', 'Errors that callers were answered, by code.', {
    code: [...ERROR_CODES, 'OTHER'],
  });
  readonly #refused = this.#counter('refused', 'What was refused because a limit was reached, by limit.', {
    limit: [...LIMITS],
  });
  readonly #loads = this.#histogram(
    'model_load_seconds',
    'How long loads took that succeeded.',
    LOAD_BUCKETS,
    ['variant', 'device'],
  );
  readonly #waits = this.#histogram(
    'generation_wait_seconds',
    'From the request to its slot, loading included; of generations that got one.',
    WAIT_BUCKETS,
  );
  readonly #firstTokens = this.#histogram(
    'time_to_first_token_seconds',
    'From the request to the first token; of generations that had one.',
    WAIT_BUCKETS,
  );
  readonly #durations = this.#histogram(
    'generation_duration_seconds',
    'From the request to the end; of completed generations.',
    DURATION_BUCKETS,
  );
  readonly #decodeRates = this.#histogram(
    'decode_tokens_per_second',
    'Speed of decoding; of completed generations.',
    DECODE_BUCKETS,
    ['device'],
  );
  readonly #promptRates = this.#histogram(
    'prompt_tokens_per_second',
    'Speed of reading prompts, cached tokens left out; of completed generations.',
    PROMPT_BUCKETS,
    ['device'],
  );

  constructor() {
    collectDefaultMetrics({ register: this.registry, prefix: 'mixgate_' });
    MISNAMED.forEach((name) => this.registry.removeSingleMetric(name));
  }

  planTried(plan: Plan, after: string | null): void {
    this.#plans.inc({ quantization: plan.quantization, device: deviceOf(plan) });
    if (after !== null) this.#replans.inc({ reason: after });
  }

  generationEnded(generation: Generation): void {
    const { state, usage, timings, error, finishReason, plan } = generation;
    this.#ended.inc({ state });
    if (error !== null) this.#failed.inc({ code: error.code });
    if (finishReason !== null) this.#finished.inc({ reason: finishReason });
    if (generation.retryOf !== null) this.#driftRetries.inc();
    this.#promptTokens.inc(usage.promptTokens);
    this.#cachedTokens.inc(usage.cachedPromptTokens);
    this.#tokens.inc(usage.completionTokens);
    this.#observeTimes(generation);
    if (timings === null || plan === null) return;
    const device = deviceOf(plan);
    this.#durations.observe(timings.totalMs / 1000);
    const { eval: decode, promptEval } = timings;
    if (decode.tokensPerSecond !== null) this.#decodeRates.observe({ device }, decode.tokensPerSecond);
    if (promptEval.tokensPerSecond !== null)
      this.#promptRates.observe({ device }, promptEval.tokensPerSecond);
  }

  modelLoaded(plan: Plan, loadMs: number): void {
    this.#loads.observe({ variant: plan.variantId, device: deviceOf(plan) }, loadMs / 1000);
  }

  loadFailed(code: ErrorCode): void {
    this.#loadFailures.inc({ code });
  }

  modelUnloaded(reason: UnloadReason): void {
    this.#unloads.inc({ reason });
  }

  comparisonEnded(schedule: string): void {
    this.#comparisons.inc({ schedule });
  }

  pullEnded(state: string): void {
    this.#pulls.inc({ state });
  }

  /** With a code of `ErrorCode`, or OTHER; `limit`: the one that was reached, if it came from that. */
  errorAnswered(code: string, limit: string | null): void {
    this.#errors.inc({ code });
    if (limit !== null && LIMITS.has(limit)) this.#refused.inc({ limit });
  }

  #observeTimes({ startedAt, slotAt, firstTokenAt }: Generation): void {
    const seconds = (until: Date) => (until.getTime() - startedAt.getTime()) / 1000;
    if (slotAt !== null) this.#waits.observe(seconds(slotAt));
    if (firstTokenAt !== null) this.#firstTokens.observe(seconds(firstTokenAt));
  }

  /** `labels`: their names or, where all values of one are known, these: they begin at 0. */
  #counter(name: string, help: string, labels: Labels = []): Counter {
    const labelNames = Array.isArray(labels) ? labels : Object.keys(labels);
    const counter = new Counter({
      name: `mixgate_${name}_total`,
      help,
      labelNames,
      registers: [this.registry],
    });
    for (const [label, values] of Object.entries(Array.isArray(labels) ? {} : labels))
      for (const value of values) counter.inc({ [label]: value }, 0);
    return counter;
  }

  #histogram(name: string, help: string, buckets: number[], labelNames: string[] = []): Histogram {
    return new Histogram({ name: `mixgate_${name}`, help, buckets, labelNames, registers: [this.registry] });
  }
}

type Plan = NonNullable<Generation['plan']>;

type Labels = string[] | Readonly<Record<string, readonly string[]>>;

/** Browsers come and go, each with an id of its own: together they are one device. */
const deviceOf = ({ backendId, deviceId }: Plan): string => (backendId === 'webgpu' ? backendId : deviceId);

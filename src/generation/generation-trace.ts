import type { EndPart, Usage } from '../backends/backend.ts';
import type { ErrorCode } from '../errors.ts';
import type { Plan } from '../routing/plan.ts';
import type { Trace } from '../tracing/trace.ts';
import type { FinishReason, GenerationError, GenerationState } from './events.ts';
import type { GenerationRequest } from './request.ts';

/** As OpenTelemetry's GenAI conventions have them. */
const FINISH_REASONS: Readonly<Record<FinishReason, string>> = {
  END_OF_TEXT: 'stop',
  STOP_SEQUENCE: 'stop',
  MAX_TOKENS: 'length',
  CONTEXT_FULL: 'length',
  LANGUAGE_DRIFT: 'language_drift',
};

/** Of a generation that has ended. */
interface Ended {
  readonly id: string;
  readonly state: GenerationState;
  readonly finishReason: FinishReason | null;
  readonly error: GenerationError | null;
  readonly usage: Usage;
  readonly firstTokenAt: Date | null;
}

/** What a generation is at: it waits for those before it, is planned, waits for a slot or a load, or computes. */
type Stage = 'turn' | 'plan' | 'queue' | 'load' | 'run';

/**
 * The spans of one generation: its own, under it one for each stage, and under `run` what the runtime measured. Told
 * what happens, but of no token. Nothing of the prompt or the answer is in it.
 */
export class GenerationTrace {
  /** What another attempt is under, too. */
  readonly parent: Trace;
  readonly #span: Trace;
  readonly #now: () => number;
  #stage: { readonly name: Stage; readonly span: Trace; readonly since: number } | null = null;
  #isLoaded = false;

  constructor(parent: Trace, request: GenerationRequest, now: () => number) {
    const operation = 'messages' in request.prompt ? 'chat' : 'text_completion';
    const attributes = { 'gen_ai.operation.name': operation, ...attributesOf(request) };
    this.parent = parent;
    this.#now = now;
    this.#span = parent.child(`${operation} ${request.model}`, attributes, now());
  }

  get traceId(): string {
    return this.#span.traceId;
  }

  /** Of the stage, for the runtime. */
  get traceparent(): string {
    return (this.#stage?.span ?? this.#span).traceparent;
  }

  enter(stage: Stage): void {
    this.#leave(null);
    this.#open(stage);
  }

  /** `after`: why the plan before it was not to be had, null for the first. */
  planned(plan: Plan, after: ErrorCode | null): void {
    this.#leave(after);
    this.#span.set({
      'gen_ai.response.model': plan.variantId,
      'mixgate.backend': plan.backendId,
      'mixgate.device': plan.deviceId,
      'mixgate.quantization': plan.quantization,
      'mixgate.gpu_layers': plan.gpuLayers,
      'mixgate.context_size': plan.contextSize,
    });
    this.#open('queue');
  }

  /** `progress` from 0 to 1, as it loads. */
  loading(progress: number): void {
    if (this.#stage?.name === 'queue' && progress < 1) this.enter('load');
    this.#isLoaded = progress === 1;
  }

  /** So many are ahead of it: where that is told after its load, others got the slots. */
  queued(ahead: number): void {
    if (this.#stage?.name === 'load' && this.#isLoaded) this.enter('queue');
    this.#stage?.span.set({ 'mixgate.queue.ahead': ahead });
  }

  /** It has its slot. */
  running(measuredBytes: number | null): void {
    this.enter('run');
    if (measuredBytes !== null) this.#stage?.span.set({ 'mixgate.memory.measured_bytes': measuredBytes });
  }

  /** What the runtime measured: it reads the prompt as soon as it is asked, then samples and decodes in turn. */
  measured({ timings, usage }: EndPart): void {
    if (this.#stage?.name !== 'run') return;
    const { span, since } = this.#stage;
    const { promptEval, eval: decode, sample } = timings;
    const prompt = { 'mixgate.tokens': promptEval.count, 'mixgate.cached_tokens': usage.cachedPromptTokens };
    const promptEnd = since + promptEval.ms;
    span.child('prompt', prompt, since).end(promptEnd);
    const decoded = {
      'mixgate.tokens': usage.completionTokens,
      'mixgate.decode.steps': decode.count,
      'mixgate.decode.ms': decode.ms,
      ...(sample !== null && { 'mixgate.sample.ms': sample.ms }),
    };
    span.child('eval', decoded, promptEnd).end(promptEnd + decode.ms + (sample?.ms ?? 0));
  }

  /** The runtime that had it is gone, and what is left is planned with. */
  lost(code: ErrorCode): void {
    this.#leave(code);
    this.#open('plan');
  }

  end({ id, usage, finishReason, error, state, firstTokenAt }: Ended): void {
    const code = error?.code ?? null;
    const reason = finishReason === null ? state.toLowerCase() : FINISH_REASONS[finishReason];
    this.#leave(code);
    this.#span.set({
      'gen_ai.response.id': id,
      'gen_ai.response.finish_reasons': [reason],
      'gen_ai.usage.input_tokens': usage.promptTokens,
      'gen_ai.usage.output_tokens': usage.completionTokens,
      'gen_ai.usage.cache_read.input_tokens': usage.cachedPromptTokens,
    });
    if (firstTokenAt !== null) this.#span.event('first_token', firstTokenAt.getTime());
    if (code !== null) this.#span.fail(code);
    this.#span.end(this.#now());
  }

  #open(name: Stage): void {
    const since = this.#now();
    this.#stage = { name, span: this.#span.child(name, {}, since), since };
  }

  #leave(code: ErrorCode | null): void {
    if (code !== null) this.#stage?.span.fail(code);
    this.#stage?.span.end(this.#now());
    this.#stage = null;
  }
}

function attributesOf({ model, maxTokens, sampling, jsonSchema, priority }: GenerationRequest) {
  const { temperature, topK, topP, presencePenalty, frequencyPenalty, seed } = sampling;
  return {
    'gen_ai.provider.name': 'mixgate',
    'gen_ai.request.model': model,
    'gen_ai.request.temperature': temperature,
    'gen_ai.request.top_k': topK,
    'gen_ai.request.top_p': topP,
    'gen_ai.request.presence_penalty': presencePenalty,
    'gen_ai.request.frequency_penalty': frequencyPenalty,
    ...(maxTokens !== null && { 'gen_ai.request.max_tokens': maxTokens }),
    ...(seed !== null && { 'gen_ai.request.seed': seed }),
    'gen_ai.output.type': jsonSchema === null || jsonSchema === undefined ? 'text' : 'json',
    'mixgate.priority': priority,
  };
}

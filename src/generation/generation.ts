import type { Usage } from '../backends/backend.ts';
import { DriftWatch } from '../language/drift-watch.ts';
import type { Drift } from '../language/foreign-runs.ts';
import type { LanguageReport } from '../language/report.ts';
import type { Plan } from '../routing/plan.ts';
import { EventLog, type Chunk } from './event-log.ts';
import {
  isFinal,
  type FinishReason,
  type GenerationError,
  type GenerationHappening,
  type GenerationState,
  type Timings,
} from './events.ts';
import type { GenerationTrace } from './generation-trace.ts';
import { promptLanguageOf } from './prompt-language.ts';
import type { GenerationRequest } from './request.ts';

export interface GenerationOptions {
  readonly id: string;
  readonly request: GenerationRequest;
  readonly callerId: string;
  readonly seed: number;
  readonly now: () => number;
  /** The generation that it tries again, if it does. */
  readonly retryOf?: string | null;
  /** How it will run, where that was planned with others; else it is planned when it starts. */
  readonly planned?: Plan | null;
  /** The comparison that it is a lane of. */
  readonly comparisonId?: string | null;
  /** The request that asked for it, as the log names it. */
  readonly requestId?: string | null;
  /** Its spans, where it is traced. */
  readonly trace?: GenerationTrace | null;
}

/** All there is to know of a generation that has ended. Times are milliseconds since 1970. */
export interface KeptGeneration extends Pick<GenerationOptions, 'id' | 'request' | 'callerId' | 'seed'> {
  readonly retryOf: string | null;
  readonly comparisonId: string | null;
  readonly times: {
    readonly createdAt: number;
    readonly startedAt: number;
    readonly firstTokenAt: number | null;
    readonly finishedAt: number;
  };
  readonly measuredBytes: number | null;
  readonly language: LanguageReport | null;
  readonly events: readonly GenerationHappening[];
}

/** An event and its place in the log. */
const EVENT_BYTES = 150;

const TOKEN_ID_BYTES = 8;

const NO_USAGE: Usage = { promptTokens: 0, cachedPromptTokens: 0, completionTokens: 0 };

/** One prompt and its answer. Everything that is asked of it follows from its events; nothing is kept twice. */
export class Generation {
  readonly id: string;
  readonly request: GenerationRequest;
  /** Whose share of the queue it uses. */
  readonly callerId: string;
  /** The one asked for, or the one drawn. */
  readonly seed: number;
  /** Id of the generation whose answer drifted, and which this one tries again. */
  readonly retryOf: string | null;
  /** Id of the comparison that it is a lane of. */
  readonly comparisonId: string | null;
  readonly requestId: string | null;
  readonly trace: GenerationTrace | null;
  readonly createdAt: Date;
  readonly planned: Plan | null;
  readonly log: EventLog;
  /** Resolves with the final event. */
  readonly ended: Promise<void>;
  /** Where and how fast it runs is told nobody: it is part of a comparison that is judged blind. */
  isConcealed = false;
  readonly #controller = new AbortController();
  readonly #now: () => number;
  readonly #texts: string[] = [];
  #characters = 0;
  #state: GenerationState = 'QUEUED';
  #finishedAt: Date | null = null;
  #firstTokenAt: Date | null = null;
  #startedAt: Date;
  #slotAt: Date | null = null;
  #measuredBytes: number | null = null;
  #plan: Plan | null = null;
  #finishReason: FinishReason | null = null;
  #error: GenerationError | null = null;
  #usage = NO_USAGE;
  #timings: Timings | null = null;
  #retriedAs: string | null = null;
  /** While it runs, once it has text. */
  #watch: DriftWatch | null = null;
  #language: LanguageReport | null = null;
  #resolveEnded: () => void = () => undefined;

  constructor(options: GenerationOptions) {
    this.id = options.id;
    this.request = options.request;
    this.callerId = options.callerId;
    this.seed = options.seed;
    this.retryOf = options.retryOf ?? null;
    this.comparisonId = options.comparisonId ?? null;
    this.requestId = options.requestId ?? null;
    this.trace = options.trace ?? null;
    this.#now = options.now;
    this.createdAt = new Date(this.#now());
    this.#startedAt = this.createdAt;
    this.planned = options.planned ?? null;
    this.log = new EventLog(this.id);
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
  }

  get state(): GenerationState {
    return this.#state;
  }
  get hasEnded(): boolean {
    return this.log.hasEnded;
  }
  get finishedAt(): Date | null {
    return this.#finishedAt;
  }
  /** When it was asked for or, where it had to wait for others of its comparison, when its turn came. */
  get startedAt(): Date {
    return this.#startedAt;
  }
  /** When it first got a slot; null before that, and of one that was kept. */
  get slotAt(): Date | null {
    return this.#slotAt;
  }
  /** Measured memory of the model that answers, bytes; null before that and where it cannot be told. */
  get measuredBytes(): number | null {
    return this.#measuredBytes;
  }
  get firstTokenAt(): Date | null {
    return this.#firstTokenAt;
  }
  get plan(): Plan | null {
    return this.#plan;
  }
  get text(): string {
    return this.#texts.join('');
  }
  /** Piece by piece, and of which model. */
  get answer(): { readonly modelId: string; readonly chunks: readonly Chunk[] } {
    return { modelId: this.request.model, chunks: this.log.chunks() };
  }
  get finishReason(): FinishReason | null {
    return this.#finishReason;
  }
  get error(): GenerationError | null {
    return this.#error;
  }
  get usage(): Usage {
    return this.#usage;
  }
  get timings(): Timings | null {
    return this.#timings;
  }
  /** Where the answer left the language it is expected in, as far as is sure by now. */
  get drift(): Drift | null {
    return this.#watch?.drift ?? null;
  }
  get expectedLanguage(): string | null {
    return this.#driftWatch().expectedLanguage;
  }
  /** Null while it runs. */
  get language(): LanguageReport | null {
    return this.#language;
  }
  /** Id of the generation that tries again, because this one drifted. */
  get retriedAs(): string | null {
    return this.#retriedAs;
  }
  /** About what it takes in memory, bytes: its text twice, in the answer and in its events, the events and the ids of its tokens. */
  get sizeBytes(): number {
    const { completionTokens } = this.#usage;
    return 4 * this.#characters + TOKEN_ID_BYTES * completionTokens + EVENT_BYTES * this.log.lastSequence;
  }
  get lastSequence(): number {
    return this.log.lastSequence;
  }
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What has ended, from what was kept of it. */
  static restore({ events, times, measuredBytes, language, ...kept }: KeptGeneration): Generation {
    let now = times.createdAt;
    const generation = new Generation({ ...kept, now: () => now });
    now = times.startedAt;
    generation.begin();
    generation.#measuredBytes = measuredBytes;
    generation.#language = language;
    for (const event of events) {
      now = event.type === 'TokenChunk' ? (times.firstTokenAt ?? now) : times.finishedAt;
      generation.record(event);
    }
    return generation;
  }

  /** What `restore` takes; of one that has ended. */
  keep(): KeptGeneration {
    const { id, request, callerId, seed, retryOf, comparisonId } = this;
    return {
      ...{ id, request, callerId, seed, retryOf, comparisonId },
      times: {
        createdAt: this.createdAt.getTime(),
        startedAt: this.#startedAt.getTime(),
        firstTokenAt: this.#firstTokenAt?.getTime() ?? null,
        finishedAt: this.#finishedAt?.getTime() ?? this.createdAt.getTime(),
      },
      measuredBytes: this.#measuredBytes,
      language: this.#language,
      events: this.log.happenings(),
    };
  }

  /** With an expected error as the reason it ends as failed. */
  cancel(reason = new Error('cancelled')): void {
    this.#controller.abort(reason);
  }

  /** Its turn has come: the clock of its timings starts now. */
  begin(): void {
    this.#startedAt = new Date(this.#now());
  }

  /** The prompt is being read, by a resident that takes so many bytes; null where that cannot be told. */
  startPrefill(measuredBytes: number | null): void {
    this.#state = 'PREFILL';
    this.#slotAt ??= new Date(this.#now());
    this.#measuredBytes = measuredBytes;
  }

  /** Its model takes so much by now, measured: where that shows only while it answers. */
  noteMemory(bytes: number): void {
    this.#measuredBytes ??= bytes;
  }

  /** Of the whole answer; nothing may be added to it any more. */
  reportLanguage(): LanguageReport {
    this.#language ??= this.#driftWatch().finish();
    return this.#language;
  }

  record(event: GenerationHappening): void {
    this.#apply(event);
    if (isFinal(event)) {
      this.#finishedAt = new Date(this.#now());
      this.reportLanguage();
      this.#watch = null;
    }
    this.log.append(event);
    if (isFinal(event)) this.#resolveEnded();
  }

  #driftWatch(): DriftWatch {
    this.#watch ??= new DriftWatch(...promptLanguageOf(this.request.prompt));
    return this.#watch;
  }

  #apply(event: GenerationHappening): void {
    switch (event.type) {
      case 'GenerationQueued':
        return;
      case 'PlanChosen':
        this.#plan = event.plan;
        return;
      case 'ModelLoading':
        // Loaded, it may still wait for a slot.
        this.#state = event.progress < 1 ? 'LOADING' : 'QUEUED';
        return;
      case 'TokenChunk':
        this.#state = 'DECODING';
        this.#firstTokenAt ??= new Date(this.#now());
        this.#texts.push(event.text);
        this.#characters += event.text.length;
        if (this.#language === null) this.#driftWatch().push(event.text);
        this.#usage = { ...this.#usage, completionTokens: this.#usage.completionTokens + event.tokens };
        return;
      case 'LanguageDrifted':
        this.#retriedAs = event.retriedAs;
        return;
      case 'GenerationCompleted':
        this.#state = 'COMPLETED';
        this.#finishReason = event.finishReason;
        this.#usage = event.usage;
        this.#timings = event.timings;
        return;
      case 'GenerationFailed':
        this.#state = 'FAILED';
        this.#error = event.error;
        return;
      case 'GenerationCancelled':
        this.#state = 'CANCELLED';
        this.#usage = event.usage;
    }
  }
}

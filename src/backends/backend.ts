import type { DeviceFacts, RuntimeCapabilities } from '../routing/device.ts';
import type { KvCacheType } from '../routing/ggml-types.ts';

/**
 * A runtime that can run generations. Adapters stay naive: load-once, abort and dispose-once are
 * `supervise`'s. Expected failures are thrown as `MixgateError`.
 */
export interface Backend {
  readonly id: string;
  readonly capabilities: RuntimeCapabilities;

  /** Version, availability and devices with the memory that is free now. Never throws: what fails is the status. */
  describe(signal?: AbortSignal): Promise<BackendStatus>;

  /**
   * Loads a variant as the plan says, exactly: neither fewer layers nor a shorter context.
   * @throws OUT_OF_MEMORY (data: `neededBytes`, `freeBytes`, where known), VARIANT_NOT_AVAILABLE (file unusable), BACKEND_CRASHED, BACKEND_UNAVAILABLE
   */
  load(request: LoadRequest, options: LoadOptions): Promise<Resident>;

  /** Ends every runtime process. Idempotent. */
  dispose(): Promise<void>;
}

export interface BackendStatus {
  /** Version of the runtime, e.g. llama.cpp's release; null while it cannot be asked. */
  readonly version: string | null;
  readonly available: boolean;
  /** Why it is unavailable and what to do about it; null when available. */
  readonly unavailableReason: string | null;
  readonly devices: readonly DeviceFacts[];
}

export interface LoadRequest {
  /** Weights on this machine. */
  readonly path: string;
  /** Jinja, instead of the one that the weights carry; null: that one. */
  readonly chatTemplate: string | null;
  /** One of `describe`, or several of them joined with `+` where the runtime can spread a model. */
  readonly deviceId: string;
  /** Counted as llama.cpp's --n-gpu-layers does; 0 on a CPU. */
  readonly gpuLayers: number;
  /** Tokens that each slot holds. */
  readonly contextSize: number;
  readonly slots: number;
  readonly kvCacheType: KvCacheType;
  readonly batchSize: number;
  /** Device bytes the load may take, checked before anything is allocated where the runtime can; null: unchecked. */
  readonly budgetBytes: number | null;
  /** Host bytes that the resident may ever take for itself; one that takes more is ended where that can be seen. Null: any number. */
  readonly hostLimitBytes: number | null;
}

export interface LoadOptions {
  readonly signal?: AbortSignal | undefined;
  /** 0 to 1, never falling. */
  readonly onProgress?: ((fraction: number) => void) | undefined;
}

/** A loaded variant with its context. */
export interface Resident {
  readonly slots: number;
  readonly contextSize: number;
  /** Device bytes that the runtime itself said it would take, asked before the load; null where it cannot say. */
  readonly verifiedBytes: number | null;
  /** Device bytes the load took, measured; null where the runtime cannot tell. */
  readonly measuredBytes: number | null;
  /** Settles when the resident is gone: with null after `unload`, else with the reason. Never rejects. */
  readonly gone: Promise<Error | null>;

  /**
   * Runs one generation in a free slot; the caller never starts more than `slots`. Yields text as it comes and
   * ends with exactly one `end` part, also after an abort (reason CANCELLED), within one token.
   * @throws CONTEXT_OVERFLOW, INVALID_INPUT (template, JSON schema), BACKEND_CRASHED
   */
  generate(request: RunRequest, signal: AbortSignal): AsyncIterable<GenerationPart>;

  /**
   * Measures how well the model predicts a text, in a free slot; absent where the runtime cannot. Tells how far it is
   * and ends with exactly one `end` part, also after an abort (reason CANCELLED), within one batch.
   * @throws INVALID_INPUT (too short, another tokenizer than the reference's, too much for `maxBytes`), DISK_FULL, BACKEND_CRASHED
   */
  score?(request: ScoreRequest, signal: AbortSignal): AsyncIterable<ScorePart>;

  /**
   * Tells which tokens the model holds likely after a prompt and the beginning of an answer, in a free slot; absent where
   * the runtime cannot. Ends with its one `end` part, also after an abort (reason CANCELLED), within one batch.
   * @throws INVALID_INPUT (a token that the vocabulary has not), CONTEXT_OVERFLOW, BACKEND_CRASHED
   */
  predict?(request: PredictRequest, signal: AbortSignal): AsyncIterable<PredictEnd>;

  /** Frees the memory; resolves when it is free. Idempotent. */
  unload(): Promise<void>;
}

export type ChatRole = 'system' | 'user' | 'assistant';

/** Raw text as it is, or a conversation for the model's chat template. */
export type Prompt =
  | { readonly text: string }
  | { readonly messages: readonly { readonly role: ChatRole; readonly content: string }[] };

export interface Sampling {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly repeatPenalty: number;
  /** Tokens that the penalties look back; 0 none, -1 the whole context. */
  readonly repeatLastN: number;
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
  readonly seed: number;
}

export interface RunRequest {
  readonly prompt: Prompt;
  readonly sampling: Sampling;
  /** Tokens of prompt and answer together; a resident may have room for more. */
  readonly contextSize: number;
  /** Null: until the model ends or the context is full. */
  readonly maxTokens: number | null;
  readonly stop: readonly string[];
  /** JSON schema the answer must satisfy, or null. */
  readonly jsonSchema: unknown;
  /** W3C Trace Context of what it is for, for spans or logs of the runtime's own; absent where nothing is traced. */
  readonly traceparent?: string | undefined;
}

export type GenerationPart = TextPart | EndPart;

export interface TextPart {
  readonly type: 'text';
  /** Whole characters that will not be taken back; may be empty where tokens gave none. */
  readonly text: string;
  readonly tokens: number;
  /** Which tokens of the vocabulary, `tokens` of them; absent where the runtime does not tell. */
  readonly tokenIds?: readonly number[] | undefined;
}

export interface EndPart {
  readonly type: 'end';
  readonly reason: 'END_OF_TEXT' | 'MAX_TOKENS' | 'STOP_SEQUENCE' | 'CONTEXT_FULL' | 'CANCELLED';
  readonly usage: Usage;
  readonly timings: StageTimings;
  /** What the resident takes of host memory by now, measured; absent where that cannot be told. */
  readonly memoryBytes?: number | undefined;
}

/** Tokens. `promptTokens` counts the cached ones too. */
export interface Usage {
  readonly promptTokens: number;
  readonly cachedPromptTokens: number;
  readonly completionTokens: number;
}

/** Measured where the work happens. */
export interface StageTimings {
  /** Null where the runtime does not report sampling by itself. */
  readonly sample: StageTime | null;
  readonly promptEval: StageTime;
  readonly eval: StageTime;
}

export interface StageTime {
  readonly ms: number;
  readonly count: number;
}

export interface ScoreRequest {
  readonly text: ScoreText;
  /** Tokens of a window, at most what was loaded. */
  readonly contextSize: number;
  /** Only the first windows; null: all. */
  readonly maxWindows: number | null;
  readonly reference: ReferenceFile | null;
}

/** Running text; or documents, of which only some parts are scored. */
export type ScoreText =
  | { readonly text: string }
  | { readonly documents: readonly (readonly { readonly text: string; readonly isScored: boolean }[])[] };

/** A file on this machine with what the reference thinks of every next token. */
export interface ReferenceFile {
  readonly path: string;
  /** The reference itself writes it, and is compared with what it wrote. */
  readonly mode: 'WRITE' | 'READ';
  readonly maxBytes: number;
}

export type ScorePart = { readonly type: 'progress'; readonly fraction: number } | ScoreEnd;

export interface ScoreEnd {
  readonly type: 'end';
  readonly reason: 'COMPLETED' | 'CANCELLED';
  readonly tokens: number;
  /** Means over the tokens, nats; null where there is none, or no reference. */
  readonly negativeLogLikelihood: number | null;
  readonly klDivergence: number | null;
  readonly sameTopToken: number | null;
}

export interface PredictRequest {
  readonly prompt: Prompt;
  /** What the answer begins with, as `TextPart.tokenIds` told. */
  readonly tokens: readonly number[];
  /** Tokens of prompt and answer together. */
  readonly contextSize: number;
  /** Of the most likely, so many; 1 to 100. */
  readonly count: number;
  /** Told however likely they are. */
  readonly always: readonly number[];
}

export interface PredictEnd {
  readonly type: 'end';
  readonly reason: 'COMPLETED' | 'CANCELLED';
  /** Most likely first; none where it was cancelled. */
  readonly candidates: readonly TokenCandidate[];
}

/** A token that may come next. */
export interface TokenCandidate {
  /** In the vocabulary. */
  readonly token: number;
  /** As it would be written there; special tokens as they are spelt, half a character as U+FFFD. */
  readonly text: string;
  /** 0 to 1: softmax of the raw logits over the whole vocabulary, before anything of the sampling. */
  readonly probability: number;
}

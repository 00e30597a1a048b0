import type { Usage } from '../backends/backend.ts';
import type { ErrorCode } from '../errors.ts';
import type { LanguageReport } from '../language/report.ts';
import type { Plan } from '../routing/plan.ts';

export type GenerationState =
  'QUEUED' | 'LOADING' | 'PREFILL' | 'DECODING' | 'COMPLETED' | 'FAILED' | 'CANCELLED';
export type FinishReason = 'END_OF_TEXT' | 'MAX_TOKENS' | 'STOP_SEQUENCE' | 'CONTEXT_FULL' | 'LANGUAGE_DRIFT';

export interface GenerationError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
  /** When trying again makes sense, milliseconds after the failure; absent where that is not known. */
  readonly retryAfterMs?: number | undefined;
}

export interface StageTiming {
  readonly ms: number;
  readonly count: number;
  /** Null where count or ms is 0. */
  readonly msPerToken: number | null;
  readonly tokensPerSecond: number | null;
}

/** Milliseconds. The stages are the runtime's own figures, the rest is the gateway's clock. */
export interface Timings {
  readonly queueMs: number;
  readonly loadMs: number;
  /** From the request to the first token; null when there was none. */
  readonly timeToFirstTokenMs: number | null;
  readonly sample: StageTiming | null;
  readonly promptEval: StageTiming;
  readonly eval: StageTiming;
  readonly totalMs: number;
}

/** What happened to a generation. `type` is the name of the GraphQL type. */
export type GenerationHappening =
  | { readonly type: 'GenerationQueued'; readonly position: number }
  | { readonly type: 'PlanChosen'; readonly plan: Plan }
  | { readonly type: 'ModelLoading'; readonly progress: number }
  | {
      readonly type: 'TokenChunk';
      readonly text: string;
      readonly tokens: number;
      /** For comparisons; not part of what subscribers get. */
      readonly tokenIds?: readonly number[] | undefined;
    }
  | {
      /** The answer has left the language it is expected in, and stops. */
      readonly type: 'LanguageDrifted';
      /** Where it did, UTF-16 units from the start of the answer. */
      readonly offset: number;
      readonly fromLanguage: string | null;
      readonly toLanguage: string | null;
      /** The generation that tries again; null where none does. */
      readonly retriedAs: string | null;
    }
  | {
      readonly type: 'GenerationCompleted';
      readonly finishReason: FinishReason;
      readonly usage: Usage;
      readonly timings: Timings;
      readonly language: LanguageReport | null;
    }
  | { readonly type: 'GenerationFailed'; readonly error: GenerationError }
  | { readonly type: 'GenerationCancelled'; readonly usage: Usage };

/** A numbered event; it covers `firstSequence` to `sequence`. */
export type GenerationEvent = GenerationHappening & {
  readonly generationId: string;
  readonly firstSequence: number;
  readonly sequence: number;
};

const FINAL: ReadonlySet<GenerationHappening['type']> = new Set([
  'GenerationCompleted',
  'GenerationFailed',
  'GenerationCancelled',
]);

export const isFinal = ({ type }: GenerationHappening): boolean => FINAL.has(type);

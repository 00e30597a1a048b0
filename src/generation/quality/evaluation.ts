import type { GenerationError } from '../events.ts';

export interface QualityEvent {
  readonly quantization: string;
  /** 0 to 1, of this quantization. */
  readonly progress: number;
  /** Set in the quantization's last event. */
  readonly result: QualityResult | null;
}

export interface QualityResult {
  readonly tokens: number;
  readonly perplexity: number;
  readonly klDivergence: number | null;
  readonly sameTopToken: number | null;
}

export type EvaluationState = 'COMPLETED' | 'FAILED' | 'CANCELLED';

/** One text measured with some quantizations of a model, at its end. */
export interface Evaluation {
  readonly id: string;
  readonly callerId: string;
  readonly createdAt: Date;
  readonly finishedAt: Date;
  readonly state: EvaluationState;
  readonly error: GenerationError | null;
  readonly model: string;
  readonly reference: string | null;
  /** Tokens of a window. */
  readonly contextSize: number;
  readonly text: EvaluatedText;
  /** In the order they were measured. */
  readonly results: readonly { readonly quantization: string; readonly result: QualityResult }[];
}

/** Which text it was; the text itself is not kept. */
export interface EvaluatedText {
  /** Of its UTF-8 bytes, hexadecimal: the same text has the same. */
  readonly sha256: string;
  /** UTF-16 units. */
  readonly characters: number;
  /** How it begins. */
  readonly excerpt: string;
}

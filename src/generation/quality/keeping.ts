import { createHash } from 'node:crypto';
import { v7 as newId } from 'uuid';
import type { ScoreText } from '../../backends/backend.ts';
import type { MixgateError } from '../../errors.ts';
import type { Archive } from '../history/archive.ts';
import type { PlanSubject } from '../planner.ts';
import type { EvaluatedText, Evaluation, EvaluationState } from './evaluation.ts';
import type { QualityEvent, QualityResult } from './evaluation.ts';
import type { QualityRequest } from './request.ts';

/** UTF-16 units. */
const EXCERPT = 300;

/** Gathers what an evaluation finds, and gives it to the history at its end, whichever comes first. */
export class Keeping {
  readonly #begun: Omit<Evaluation, 'finishedAt' | 'state' | 'error' | 'results'>;
  readonly #results: { readonly quantization: string; readonly result: QualityResult }[] = [];
  readonly #options: { readonly archive: Archive; readonly now: () => number };
  #hasEnded = false;

  constructor(
    { model, reference, text }: QualityRequest,
    { subject, callerId }: { readonly subject: PlanSubject; readonly callerId: string },
    options: { readonly archive: Archive; readonly now: () => number },
  ) {
    this.#options = options;
    this.#begun = {
      id: newId(),
      callerId,
      createdAt: new Date(options.now()),
      model,
      reference,
      contextSize: subject.contextSize,
      text: evaluated(text),
    };
  }

  add({ quantization, result }: QualityEvent): void {
    if (result !== null) this.#results.push({ quantization, result });
  }

  /** What was left before anything was measured is not worth keeping. */
  end(state: EvaluationState, error: MixgateError | null = null): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (state === 'CANCELLED' && this.#results.length === 0) return;
    this.#options.archive.saveEvaluation({
      ...this.#begun,
      finishedAt: new Date(this.#options.now()),
      state,
      error: error === null ? null : { code: error.code, message: error.message, retryable: error.retryable },
      results: this.#results,
    });
  }
}

/** Of documents, what is scored and what is not, one after the other. */
function evaluated(text: ScoreText): EvaluatedText {
  const whole =
    'text' in text
      ? text.text
      : text.documents.map((parts) => parts.map((part) => part.text).join('')).join('\n');
  return {
    sha256: createHash('sha256').update(whole).digest('hex'),
    characters: whole.length,
    excerpt: whole.slice(0, EXCERPT).replace(/[\ud800-\udbff]$/, ''),
  };
}

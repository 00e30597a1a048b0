import type { Generation } from './generation.ts';

/** Starts a second attempt at a generation whose answer drifts, and says its id; null where none can be started. */
export type Retry = (generation: Generation) => string | null;

/** Stops an answer that drifts, where that was asked for. */
export class DriftStop {
  readonly #generation: Generation;
  readonly #retry: Retry;
  readonly #controller = new AbortController();
  #isTold = false;

  constructor(generation: Generation, retry: Retry) {
    this.#generation = generation;
    this.#retry = retry;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether this, before anything else, aborted a signal that follows it. */
  isReasonOf({ reason }: AbortSignal): boolean {
    return this.signal.aborted && reason === this.signal.reason;
  }

  /** After each piece of text. */
  check(): void {
    this.#tell();
    if (this.#isTold) this.#controller.abort(new Error('The answer drifts into another language.'));
  }

  /** The answer has ended by itself: what was not sure before is now. */
  checkWhole(): void {
    this.#generation.reportLanguage();
    this.#tell();
  }

  #tell(): void {
    const { drift, expectedLanguage, request } = this.#generation;
    if (this.#isTold || drift === null || request.onLanguageDrift === 'IGNORE') return;
    this.#isTold = true;
    this.#generation.record({
      type: 'LanguageDrifted',
      offset: drift.offset,
      fromLanguage: expectedLanguage,
      toLanguage: drift.language,
      retriedAs: request.onLanguageDrift === 'RETRY' ? this.#retry(this.#generation) : null,
    });
  }
}

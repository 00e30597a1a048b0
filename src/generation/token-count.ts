import type { Usage } from '../backends/backend.ts';
import type { Generation } from './generation.ts';

/** Told of tokens that were read or made for a caller. */
export type OnTokens = (callerId: string, tokens: number) => void;

/** So many tokens are told at once: a single one costs nothing. */
const STEP = 32;

/** Tells what a generation uses while it does: its answer as it grows, its prompt at the end. */
export class TokenCount {
  readonly #generation: Generation;
  readonly #onTokens: OnTokens;
  #told = 0;

  constructor(generation: Generation, onTokens: OnTokens) {
    this.#generation = generation;
    this.#onTokens = onTokens;
  }

  /** After each piece of text. */
  check(): void {
    const { completionTokens } = this.#generation.usage;
    if (completionTokens - this.#told >= STEP) this.#tell(completionTokens);
  }

  /** Of all that was used, as the runtime says it, and where it cannot say any more, as far as is known. */
  end({ promptTokens, completionTokens }: Usage): void {
    this.#tell(promptTokens + completionTokens);
  }

  #tell(tokens: number): void {
    if (tokens <= this.#told) return;
    this.#onTokens(this.#generation.callerId, tokens - this.#told);
    this.#told = tokens;
  }
}

import type { LlamaModel, Token } from 'node-llama-cpp';

/** Tokens of context that the tokenizer sees, for spaces between words. */
const CONTEXT_TOKENS = 4;
/** A character has at most four bytes, so at most four byte tokens. */
const LONGEST_CHARACTER_TOKENS = 4;
const REPLACEMENT = '\uFFFD';

/** Turns tokens into text one by one; holds back the bytes of a character that is not complete. */
export class Detokenizer {
  readonly #model: Pick<LlamaModel, 'detokenize'>;
  #before: Token[];
  #pending: Token[] = [];

  constructor(model: Pick<LlamaModel, 'detokenize'>, promptTokens: readonly Token[]) {
    this.#model = model;
    this.#before = promptTokens.slice(-CONTEXT_TOKENS);
  }

  push(token: Token): string {
    this.#pending.push(token);
    const text = this.#model.detokenize(this.#pending, false, this.#before);
    if (text.endsWith(REPLACEMENT) && this.#pending.length < LONGEST_CHARACTER_TOKENS) return '';
    return this.#take(text);
  }

  /** What is held back, as it is: half a character becomes U+FFFD. */
  flush(): string {
    return this.#pending.length === 0
      ? ''
      : this.#take(this.#model.detokenize(this.#pending, false, this.#before));
  }

  #take(text: string): string {
    this.#before = [...this.#before, ...this.#pending].slice(-CONTEXT_TOKENS);
    this.#pending = [];
    return text;
  }
}

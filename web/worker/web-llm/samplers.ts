import type { LogitProcessor } from '@mlc-ai/web-llm';
import type { Start } from '../engine.ts';

/** Out of the question, and still a number that a softmax can take. */
const NEVER = -1e9;

/**
 * What web-llm itself does not know of sampling, top-k and min-p, through its own hook; and the tokens that it sampled,
 * which it tells nobody one by one.
 */
export class Samplers implements LogitProcessor {
  #topK = 0;
  #minP = 0;
  #tokens = 0;
  #last: number | null = null;

  /** Before an answer. */
  begin({ sampling: { temperature, topK, minP } }: Start): void {
    // The most probable token is always in both.
    const isGreedy = temperature === 0;
    this.#topK = isGreedy ? 0 : topK;
    this.#minP = isGreedy ? 0 : minP;
    this.#tokens = 0;
    this.#last = null;
  }

  /** Sampled since `begin`, the token that ends the text included. */
  get tokens(): number {
    return this.#tokens;
  }

  get lastToken(): number | null {
    return this.#last;
  }

  processLogits(logits: Float32Array): Float32Array {
    const least = Math.max(this.#topKThreshold(logits), this.#minPThreshold(logits));
    if (least === -Infinity) return logits;
    for (let index = 0; index < logits.length; index++) if (logits[index]! < least) logits[index] = NEVER;
    return logits;
  }

  processSampledToken(token: number): void {
    this.#tokens++;
    this.#last = token;
  }

  resetState(): void {
    // Nothing outlasts an answer.
  }

  /** The smallest of the k largest. */
  #topKThreshold(logits: Float32Array): number {
    if (this.#topK <= 0 || this.#topK >= logits.length) return -Infinity;
    const largest: number[] = [];
    for (const logit of logits) {
      if (largest.length === this.#topK && logit <= largest[0]!) continue;
      const at = largest.findIndex((each) => each >= logit);
      largest.splice(at === -1 ? largest.length : at, 0, logit);
      if (largest.length > this.#topK) largest.shift();
    }
    return largest[0]!;
  }

  /** min-p is a share of the probability of the most probable: a distance between logits. */
  #minPThreshold(logits: Float32Array): number {
    if (this.#minP <= 0) return -Infinity;
    let most = -Infinity;
    for (const logit of logits) if (logit > most) most = logit;
    return most + Math.log(this.#minP);
  }
}

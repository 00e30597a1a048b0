import type { Token } from 'node-llama-cpp';
import { MixgateError } from '../../../../errors.ts';
import { distribution, type Distribution } from './distribution.ts';

/** Reads what node-llama-cpp gives of one place into one array, used again and again: it belongs to the latest. */
export class LogitReader {
  readonly #logits: Float32Array;

  constructor(vocabularySize: number) {
    this.#logits = new Float32Array(vocabularySize);
  }

  /** Of a vocabulary that is not whole, one that is no number. Empties the map: node-llama-cpp keeps it until the batch is over. */
  read(logits: Map<Token, number> | undefined): Distribution {
    this.#logits.fill(NaN);
    logits?.forEach((logit, token) => (this.#logits[token] = logit));
    logits?.clear();
    return distribution(this.#logits);
  }
}

export function noNumbers(): MixgateError {
  return new MixgateError(
    'VARIANT_NOT_AVAILABLE',
    'The model gives no numbers for this text: its weights are damaged, or this runtime cannot compute them.',
  );
}

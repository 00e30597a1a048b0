import { HALVES, toHalf } from './half.ts';

/** A distribution over the vocabulary, made of logits, and what two of them have to do with each other. Nats. */
export interface Distribution {
  readonly logits: Float32Array;
  /** The most likely token; of several, the first. */
  readonly top: number;
  readonly highest: number;
  /** log Σ exp(logit − highest). */
  readonly logWeight: number;
}

export function distribution(logits: Float32Array): Distribution {
  let top = 0;
  for (let token = 1; token < logits.length; token++) if (logits[token]! > logits[top]!) top = token;
  const highest = logits[top]!;
  let weight = 0;
  for (let token = 0; token < logits.length; token++) weight += Math.exp(logits[token]! - highest);
  return { logits, top, highest, logWeight: Math.log(weight) };
}

/** −log p(token). */
export const surprise = ({ logits, highest, logWeight }: Distribution, token: number): number =>
  logWeight + highest - logits[token]!;

/** The most likely tokens, best first; of equally likely ones the first. */
export function topTokens({ logits }: Distribution, count: number): number[] {
  const top: number[] = [];
  for (let token = 0; token < logits.length; token++) {
    if (top.length === count && logits[token]! <= logits[top.at(-1)!]!) continue;
    const place = top.findIndex((other) => logits[other]! < logits[token]!);
    top.splice(place === -1 ? top.length : place, 0, token);
    if (top.length > count) top.pop();
  }
  return top;
}

/**
 * How far each logit is below the highest, as halves: exact at the top, and a relative error of 2⁻¹¹ below, where
 * probabilities fall faster than that matters.
 */
export function packRow({ logits, highest }: Distribution, row: Uint16Array): void {
  for (let token = 0; token < logits.length; token++)
    row[token] = toHalf(Math.min(0, logits[token]! - highest));
}

/**
 * D(row || distribution) = Σ p·(log p − log q) over the whole vocabulary. The row is normalised after it was rounded,
 * so that it is a distribution itself: then the rounding shows only in second order, and nothing is negative by it.
 */
export function klDivergence(row: Uint16Array, { logits, highest, logWeight }: Distribution): number {
  let rowWeight = 0;
  let sum = 0;
  for (let token = 0; token < logits.length; token++) {
    const below = HALVES[row[token]!]!;
    const weight = Math.exp(below);
    if (weight === 0) continue;
    rowWeight += weight;
    sum += weight * (below - (logits[token]! - highest));
  }
  return Math.max(0, sum / rowWeight - Math.log(rowWeight) + logWeight);
}

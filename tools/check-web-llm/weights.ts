import type { Parameter } from './library.ts';

/** Bytes of a tensor; all that no patch covers are 0. */
export interface Patch {
  readonly offsetBytes: number;
  readonly bytes: Buffer;
}

export interface Tensor extends Parameter {
  readonly patches: readonly Patch[];
}

/** Weights that share a scale. Two are in a byte, the first one low; a weight is (nibble - 7) times the scale. */
const GROUP = 32;
const GROUP_BYTES = GROUP / 2;
const ZEROS = 0x77;

/** The tensors that a library takes, filled so that the greedy answer walks the chain. */
export function chainTensors(
  parameters: readonly Parameter[],
  chain: readonly number[],
  hiddenSize: number,
): Tensor[] {
  const { weights, scales } = embedding(chain, hiddenSize);
  const patchesOf = (name: string): readonly Patch[] => {
    if (name === 'model.embed_tokens.q_weight') return weights;
    if (name === 'model.embed_tokens.q_scale') return scales;
    if (name === 'model.norm.weight') return floats(hiddenSize, (place) => (place % 2 === 0 ? 1 : -1));
    if (name.endsWith('layernorm.weight')) return floats(hiddenSize, () => 1);
    return []; // Scales of 0: every layer adds nothing to what it is given.
  };
  return parameters.map((parameter) => ({ ...parameter, patches: patchesOf(parameter.name) }));
}

interface Edge {
  readonly token: number;
  readonly edge: number;
  readonly signs: readonly [number, number];
  readonly scale: number;
}

/**
 * The embedding is also the head, and the last norm turns the sign of every second place. Edge k, from a token to its
 * successor, has two places of its own: (1, 1) times k + 1 in the token, (1, -1) in the successor. So the product of a
 * token with itself is 0, with its successor 2(k + 1), with the one before it 2k, and with all others 0.
 */
function embedding(chain: readonly number[], hiddenSize: number): { weights: Patch[]; scales: Patch[] } {
  const groups = hiddenSize / GROUP;
  const ends = chain.slice(1).flatMap((successor, edge): Edge[] => [
    { token: chain[edge]!, edge, signs: [1, 1], scale: edge + 1 },
    { token: successor, edge, signs: [1, -1], scale: 1 },
  ]);
  // A token's two edges lie in different groups, each with a scale of its own.
  const groupOf = ({ token, edge }: Edge): number => token * groups + (edge % groups);
  return {
    weights: ends.map((end) => {
      const bytes = Buffer.alloc(GROUP_BYTES, ZEROS);
      const [low, high] = end.signs;
      bytes[Math.floor(end.edge / groups)] = (low + 7) | ((high + 7) << 4);
      return { offsetBytes: groupOf(end) * GROUP_BYTES, bytes };
    }),
    scales: ends.map((end) => ({ offsetBytes: groupOf(end) * 4, bytes: float32([end.scale]) })),
  };
}

const floats = (length: number, value: (place: number) => number): readonly Patch[] => [
  { offsetBytes: 0, bytes: float32(Array.from({ length }, (_, place) => value(place))) },
];

/** Node's platforms are little-endian, as MLC's files are. */
const float32 = (numbers: readonly number[]): Buffer => Buffer.from(Float32Array.from(numbers).buffer);

import { createHash } from 'node:crypto';

/** Length of a hidden state. */
export const WIDTH = 32;
const WEIGHTS_PER_WORD = 8;

interface Tensor {
  readonly name: string;
  readonly shape: readonly [number, number];
  readonly dtype: 'uint32' | 'float32';
  readonly data: Uint8Array;
}

/** Pairs of 0 to 4, with the empty ones and the single ones: 16 in all. */
const TERMS: readonly number[] = Array.from({ length: WIDTH }, (_, set) => set).filter(
  (set) => set.toString(2).replaceAll('0', '').length <= 2,
);

/** The second-order Reed-Muller code of 16 bits: 32 signs, and those of two numbers differ in 8 places or more. */
function codeOf(number: number): readonly number[] {
  return Array.from({ length: WIDTH }, (_, place) => {
    const ones = TERMS.filter((term, bit) => ((number >> bit) & 1) === 1 && (place & term) === term);
    return ones.length % 2 === 0 ? 1 : -1;
  });
}

/** As q4f32_1 has it: a weight is (nibble - 7) times the scale of its 32. */
function quantized(name: string, rows: readonly (readonly number[])[], scale: number): Tensor[] {
  const words = rows.flatMap((row) =>
    Array.from({ length: WIDTH / WEIGHTS_PER_WORD }, (_, word) =>
      row
        .slice(word * WEIGHTS_PER_WORD, (word + 1) * WEIGHTS_PER_WORD)
        .reduce((packed, sign, place) => (packed | ((sign + 7) << (4 * place))) >>> 0, 0),
    ),
  );
  const data = (array: Uint32Array | Float32Array) => new Uint8Array(array.buffer);
  return [
    {
      name: `${name}.q_weight`,
      shape: [rows.length, WIDTH / WEIGHTS_PER_WORD],
      dtype: 'uint32',
      data: data(Uint32Array.from(words)),
    },
    {
      name: `${name}.q_scale`,
      shape: [rows.length, 1],
      dtype: 'float32',
      data: data(new Float32Array(rows.length).fill(scale)),
    },
  ];
}

/**
 * Two shards: the embedding, of each token the code of its successor, and the head, the codes of all. A successor's
 * logit is 64, and of all others at most 32, so that the answer is the same at temperatures far above 0.
 */
export function chainShards(successors: readonly number[]): readonly (readonly Tensor[])[] {
  return [
    quantized('model.embed_tokens', successors.map(codeOf), 1),
    quantized(
      'lm_head',
      successors.map((_, token) => codeOf(token)),
      2,
    ),
  ];
}

/** tensor-cache.json, and the files that it names. */
export function shardFiles(shards: readonly (readonly Tensor[])[]): Record<string, Buffer> {
  const files: Record<string, Buffer> = {};
  const records = shards.map((tensors, index) => {
    const dataPath = `params_shard_${index}.bin`;
    const bytes = Buffer.concat(tensors.map(({ data }) => data));
    files[dataPath] = bytes;
    let byteOffset = 0;
    return {
      dataPath,
      format: 'raw-shard',
      nbytes: bytes.length,
      records: tensors.map(({ data, ...tensor }) => {
        const record = { ...tensor, format: 'raw', nbytes: data.length, byteOffset };
        byteOffset += data.length;
        return record;
      }),
      md5sum: createHash('md5').update(bytes).digest('hex'),
    };
  });
  const metadata = {
    ParamSize: shards.flat().length,
    ParamBytes: Object.values(files).reduce((sum, { length }) => sum + length, 0),
    BitsPerParam: 5,
  };
  return { ...files, 'tensor-cache.json': Buffer.from(JSON.stringify({ metadata, records })) };
}

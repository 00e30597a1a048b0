import { readFile } from 'node:fs/promises';
import { z } from 'zod';

/** Of Qwen2-0.5B-Instruct, and of Qwen2.5-0.5B-Instruct: https://huggingface.co/Qwen/Qwen2-0.5B-Instruct, config.json. */
export const QWEN2 = {
  hidden_size: 896,
  intermediate_size: 4864,
  num_hidden_layers: 24,
  num_attention_heads: 14,
  num_key_value_heads: 2,
  head_dim: 64,
  vocab_size: 151_936,
  rms_norm_eps: 1e-6,
  rope_theta: 1_000_000,
  tie_word_embeddings: true,
} as const;
export const QUANTIZATION = 'q4f32_1';

const EMBEDDING = 'model.embed_tokens.q_weight';
const WEIGHTS_PER_WORD = 8;

const metadataSchema = z.object({
  model_type: z.literal('qwen2'),
  quantization: z.literal(QUANTIZATION),
  /** Tokens. */
  prefill_chunk_size: z.number().int(),
  params: z.array(
    z.object({
      name: z.string(),
      /** Elements along each axis. */
      shape: z.array(z.number().int()),
      dtype: z.enum(['uint32', 'float32']),
    }),
  ),
});

/** What a library says of itself and of the tensors that it takes. */
export type LibraryMetadata = z.output<typeof metadataSchema>;
export type Parameter = LibraryMetadata['params'][number];

/** @throws where it is no library of the model that can be made by hand */
export async function libraryMetadata(file: string): Promise<LibraryMetadata> {
  const parsed = metadataSchema.safeParse(metadataOf(await readFile(file)));
  if (!parsed.success) {
    const [first] = parsed.error.issues; // Of another model nothing is right.
    const problem = `${['metadata', ...(first?.path ?? [])].join('.')}: ${first?.message}`;
    throw new Error(`${file} is no library of Qwen2-0.5B in ${QUANTIZATION}: ${problem}.`);
  }
  const embedding = parsed.data.params.find(({ name }) => name === EMBEDDING)?.shape ?? [];
  const expected = [QWEN2.vocab_size, QWEN2.hidden_size / WEIGHTS_PER_WORD];
  if (embedding.join() !== expected.join())
    throw new Error(`${file}: ${EMBEDDING} has the shape [${embedding.join()}], not [${expected.join()}].`);
  return parsed.data;
}

/** The JSON in its data. What follows is data as well, so braces are counted; none is in its texts. */
function metadataOf(wasm: Buffer): unknown {
  const start = wasm.indexOf('{"model_type": "');
  let depth = 0;
  for (let at = start; at >= 0 && at < wasm.length; at++) {
    if (wasm[at] === 0x7b) depth++;
    if (wasm[at] === 0x7d && --depth === 0) return JSON.parse(wasm.toString('utf8', start, at + 1));
  }
  return null;
}

import type { ReferenceModel, ReferenceQuantization } from './models.ts';

/** A metadata value with its GGUF type. */
export type MetadataValue =
  | { readonly type: 'u32' | 'f32'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'i32[]' | 'f32[]'; readonly value: readonly number[] }
  | { readonly type: 'string[]'; readonly value: readonly string[] };

type Metadata = readonly (readonly [key: string, value: MetadataValue])[];

export const ALIGNMENT = 32;

/** llama.cpp's `llama_ftype`. */
const FILE_TYPES: Readonly<Record<ReferenceQuantization, number>> = {
  Q2_K: 10,
  Q3_K_M: 12,
  Q4_0: 2,
  Q4_K_S: 14,
  Q4_K_M: 15,
  Q5_0: 8,
  Q5_K_M: 17,
  Q6_K: 18,
  Q8_0: 7,
  F16: 1,
};

const CHAT_TEMPLATE =
  "{{ bos_token }}{% for m in messages %}{% if m['role']=='user' %}[INST] {{ m['content'] }} [/INST]" +
  "{% else %}{{ m['content'] }}{{ eos_token }}{% endif %}{% endfor %}";

const u32 = (value: number): MetadataValue => ({ type: 'u32', value });
const f32 = (value: number): MetadataValue => ({ type: 'f32', value });
const bool = (value: boolean): MetadataValue => ({ type: 'bool', value });
const string = (value: string): MetadataValue => ({ type: 'string', value });

/** All keys in the order of the file. The vocabulary is made up; its size and kinds of tokens are the model's. */
export function metadataOf(model: ReferenceModel, quantization: ReferenceQuantization): Metadata {
  const { experts } = model;
  return [
    ['general.architecture', string('llama')],
    ['general.type', string('model')],
    ['general.name', string(model.name)],
    ['general.size_label', string(model.sizeLabel)],
    ['general.alignment', u32(ALIGNMENT)],
    ['llama.block_count', u32(model.layers)],
    ['llama.context_length', u32(model.contextLength)],
    ['llama.embedding_length', u32(model.embeddingLength)],
    ['llama.feed_forward_length', u32(model.feedForwardLength)],
    ['llama.attention.head_count', u32(model.heads)],
    ['llama.attention.head_count_kv', u32(model.kvHeads)],
    ['llama.rope.freq_base', f32(model.ropeFrequencyBase)],
    ['llama.attention.layer_norm_rms_epsilon', f32(1e-5)],
    ...(experts === null
      ? []
      : [
          ['llama.expert_count', u32(experts.count)] as const,
          ['llama.expert_used_count', u32(experts.usedPerToken)] as const,
        ]),
    ['general.file_type', u32(FILE_TYPES[quantization])],
    ['llama.vocab_size', u32(model.vocabularySize)],
    ['llama.rope.dimension_count', u32(model.embeddingLength / model.heads)],
    ...vocabularyMetadata(model.vocabularySize),
    ['tokenizer.ggml.bos_token_id', u32(1)],
    ['tokenizer.ggml.eos_token_id', u32(2)],
    ['tokenizer.ggml.unknown_token_id', u32(0)],
    ['tokenizer.ggml.add_bos_token', bool(true)],
    ['tokenizer.ggml.add_eos_token', bool(false)],
    ['general.quantization_version', u32(2)],
    ['tokenizer.chat_template', string(CHAT_TEMPLATE)],
  ];
}

/** llama.cpp's `llama_token_type`. */
const TOKEN = { normal: 1, unknown: 2, control: 3, byte: 6 };

const LETTERS = [...'abcdefghijklmnopqrstuvwxyz'];
const STARTS = ['\u2581', ...LETTERS];
const MORE = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!?;:()-\'"'];

const vocabularies = new Map<number, Metadata>();

/** Made once per size: it is most of the header. */
function vocabularyMetadata(size: number): Metadata {
  const known = vocabularies.get(size) ?? makeVocabulary(size);
  vocabularies.set(size, known);
  return known;
}

/** A SentencePiece vocabulary: three special tokens, the bytes, letters and their pairs and triples, numbered rest. */
function makeVocabulary(size: number): Metadata {
  const bytes = Array.from(
    { length: 256 },
    (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
  );
  const pairs = STARTS.flatMap((first) => LETTERS.map((second) => first + second));
  const triples = pairs.flatMap((pair) => LETTERS.map((third) => pair + third));
  const words = [...STARTS, ...MORE, ...pairs, ...triples];
  const special = ['<unk>', '<s>', '</s>', ...bytes];
  const normal = Array.from(
    { length: size - special.length },
    (_, index) => words[index] ?? `\u2581t${index - words.length}`,
  );
  const { unknown, control, byte } = TOKEN;
  const specialTypes = [unknown, control, control, ...bytes.map(() => byte)];
  return [
    ['tokenizer.ggml.model', string('llama')],
    ['tokenizer.ggml.pre', string('default')],
    ['tokenizer.ggml.tokens', { type: 'string[]', value: [...special, ...normal] }],
    // The earlier a normal token, the sooner it is merged.
    [
      'tokenizer.ggml.scores',
      { type: 'f32[]', value: [...special.map(() => 0), ...normal.map((_, index) => -index)] },
    ],
    [
      'tokenizer.ggml.token_type',
      { type: 'i32[]', value: [...specialTypes, ...normal.map(() => TOKEN.normal)] },
    ],
  ];
}

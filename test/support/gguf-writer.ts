import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { GGML_TYPES } from '../../src/routing/ggml-types.ts';
import { readGgufHeader } from '../../src/models/gguf.ts';

type Value = string | number | boolean | readonly string[];

interface Tensor {
  readonly name: string;
  readonly type: string;
  readonly dimensions: readonly number[];
  readonly data?: Buffer;
}

const ALIGNMENT = 32;
const UINT16 = 2;
const INT32 = 5;
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const u16 = (value: number): Buffer => u32(value).subarray(0, 2);
const u64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
const aligned = (length: number): number => Math.ceil(length / ALIGNMENT) * ALIGNMENT;

function encoded(value: Value): Buffer {
  if (typeof value === 'string') return Buffer.concat([u32(8), text(value)]);
  if (typeof value === 'boolean') return Buffer.concat([u32(7), Buffer.from([value ? 1 : 0])]);
  if (typeof value === 'number') return Buffer.concat([u32(4), u32(value)]);
  return Buffer.concat([u32(9), u32(8), u64(value.length), ...value.map(text)]);
}

function typeOf(name: string) {
  const [id, type] = [...GGML_TYPES].find(([, each]) => each.name === name)!;
  return { id, ...type };
}

/** A GGUF file as bytes; tensors without data are zeros. */
export function ggufBytes(metadata: Readonly<Record<string, Value>>, tensors: readonly Tensor[]): Buffer {
  const datas: Buffer[] = [];
  let offset = 0;
  const infos = tensors.map(({ name, type, dimensions, data }) => {
    const { id, blockElements, blockBytes } = typeOf(type);
    const elements = dimensions.reduce((product, length) => product * length, 1);
    const bytes = Buffer.alloc(aligned((elements / blockElements) * blockBytes));
    data?.copy(bytes);
    datas.push(bytes);
    const at = offset;
    offset += bytes.length;
    return Buffer.concat([text(name), u32(dimensions.length), ...dimensions.map(u64), u32(id), u64(at)]);
  });
  const entries = Object.entries(metadata);
  const header = Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(tensors.length),
    u64(entries.length),
    ...entries.flatMap(([key, value]) => [text(key), encoded(value)]),
    ...infos,
  ]);
  return Buffer.concat([header, Buffer.alloc(aligned(header.length) - header.length), ...datas]);
}

/** A sound little dense model; `metadata` is added to, or replaces, its own. */
export function smallModel(
  metadata: Readonly<Record<string, Value>> = {},
  layerType = 'F16',
  elements = 256,
): Buffer {
  return ggufBytes(
    {
      'general.architecture': 'llama',
      'llama.block_count': 1,
      'llama.context_length': 64,
      'llama.embedding_length': 32,
      'llama.attention.head_count': 4,
      ...metadata,
    },
    [
      { name: 'blk.0.ffn_up.weight', type: layerType, dimensions: [elements] },
      { name: 'output_norm.weight', type: 'F32', dimensions: [32] },
    ],
  );
}

export function writeFile(folder: string, name: string, content: Buffer | string): string {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
}

/**
 * A model's file cut into parts, as llama.cpp's gguf-split does: the first carries the metadata, all carry `split.*`,
 * tensors stay whole. Reads tensor data by their offsets, so the model is the same.
 */
export async function splitModel(file: string, parts: number): Promise<Buffer[]> {
  const bytes = readFileSync(file);
  const { tensors, dataOffset, metadataBytes, infos } = await layoutOf(file, bytes);
  const perPart = Math.ceil(tensors / parts);
  return Array.from({ length: parts }, (_, index) => {
    const mine = infos.slice(index * perPart, (index + 1) * perPart);
    const entries = [
      [text('split.no'), u32(UINT16), u16(index)],
      [text('split.count'), u32(UINT16), u16(parts)],
      [text('split.tensors.count'), u32(INT32), u32(tensors)],
    ].flat();
    let offset = 0;
    const datas: Buffer[] = [];
    const encodedInfos = mine.map(({ head, at, length }) => {
      const start = offset;
      offset += aligned(length);
      datas.push(
        bytes.subarray(dataOffset + at, dataOffset + at + length),
        Buffer.alloc(aligned(length) - length),
      );
      return Buffer.concat([head, u64(start)]);
    });
    const own = index === 0 ? metadataBytes : { count: 0, bytes: Buffer.alloc(0) };
    const header = Buffer.concat([
      Buffer.from('GGUF'),
      u32(3),
      u64(mine.length),
      u64(own.count + 3),
      own.bytes,
      ...entries,
      ...encodedInfos,
    ]);
    return Buffer.concat([header, Buffer.alloc(aligned(header.length) - header.length), ...datas]);
  });
}

/** Where the pieces of a file's header are: its metadata as bytes, and each tensor's info without its offset. */
async function layoutOf(file: string, bytes: Buffer) {
  const header = await readGgufHeader(file);
  const first = header.tensors[0]!;
  const infosStart = bytes.indexOf(text(first.name));
  const metadataStart = 24;
  let at = infosStart;
  const infos = header.tensors.map((tensor) => {
    const start = at;
    at += 8 + Buffer.byteLength(tensor.name);
    const dimensions = bytes.readUInt32LE(at);
    at += 4 + 8 * dimensions + 4;
    const head = bytes.subarray(start, at);
    const offset = Number(bytes.readBigUInt64LE(at));
    at += 8;
    return { head, at: offset, length: tensor.bytes };
  });
  const count = Number(bytes.readBigUInt64LE(16));
  return {
    tensors: header.tensors.length,
    dataOffset: header.dataOffset,
    metadataBytes: { count, bytes: bytes.subarray(metadataStart, infosStart) },
    infos,
  };
}

/** A folder of MLC weights that says it is a Llama of two layers. */
export function mlcFiles(quantization = 'q4f16_1'): Record<string, Buffer> {
  const shard = Buffer.alloc(4096, 7);
  const table = {
    metadata: { ParamSize: 2, ParamBytes: 4096, BitsPerParam: 4.5 },
    records: [
      {
        dataPath: 'params_shard_0.bin',
        format: 'raw-shard',
        nbytes: shard.length,
        records: [
          {
            name: 'model.embed_tokens.q_weight',
            shape: [32, 8],
            dtype: 'uint32',
            nbytes: 1024,
            byteOffset: 0,
          },
          { name: 'model.layers.0.mlp.gate_up_proj.q_weight', shape: [64, 8], dtype: 'uint32', nbytes: 2048 },
          { name: 'model.layers.0.mlp.gate_up_proj.q_scale', shape: [64, 8], dtype: 'float16', nbytes: 1024 },
        ],
      },
    ],
  };
  const config = {
    version: '0.1.0',
    model_type: 'llama',
    quantization,
    model_config: {
      hidden_size: 64,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      head_dim: 16,
    },
    vocab_size: 32,
    context_window_size: 4096,
    tokenizer_files: ['tokenizer.json'],
  };
  return {
    'mlc-chat-config.json': Buffer.from(JSON.stringify(config)),
    'tensor-cache.json': Buffer.from(JSON.stringify(table)),
    'tokenizer.json': Buffer.from('{}'),
    'tokenizer_config.json': Buffer.from(JSON.stringify({ chat_template: '{{ messages[0].content }}' })),
    'params_shard_0.bin': shard,
  };
}

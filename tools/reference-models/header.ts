import { ALIGNMENT, metadataOf, type MetadataValue } from './metadata.ts';
import type { ReferenceModel, ReferenceQuantization } from './models.ts';
import type { ReferenceTensor } from './tensors.ts';

/** GGUF's numbers of the metadata types. */
const TYPE_IDS = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9 } as const;

export interface EncodedHeader {
  /** Up to where the weights start. */
  readonly bytes: Buffer;
  /** Of the weights, padding included. */
  readonly dataBytes: number;
}

/** The header of a GGUF file, version 3. */
export function encodeHeader(
  model: ReferenceModel,
  quantization: ReferenceQuantization,
  tensors: readonly ReferenceTensor[],
): EncodedHeader {
  const metadata = metadataOf(model, quantization);
  let dataBytes = 0;
  const infos = tensors.map(({ name, shape, typeId, bytes }) => {
    const offset = dataBytes;
    dataBytes += aligned(bytes);
    return Buffer.concat([string(name), u32(shape.length), ...shape.map(u64), u32(typeId), u64(offset)]);
  });
  const header = Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(tensors.length),
    u64(metadata.length),
    ...metadata.flatMap(([key, value]) => [string(key), encoded(value)]),
    ...infos,
  ]);
  return { bytes: Buffer.concat([header, Buffer.alloc(aligned(header.length) - header.length)]), dataBytes };
}

/** By value: the vocabularies, which many files share, are encoded once. */
const encodings = new WeakMap<MetadataValue, Buffer>();

function encoded(value: MetadataValue): Buffer {
  const bytes = encodings.get(value) ?? encode(value);
  encodings.set(value, bytes);
  return bytes;
}

function encode(entry: MetadataValue): Buffer {
  switch (entry.type) {
    case 'u32':
      return Buffer.concat([u32(TYPE_IDS.u32), u32(entry.value)]);
    case 'f32':
      return Buffer.concat([u32(TYPE_IDS.f32), littleEndian(new Float32Array([entry.value]))]);
    case 'bool':
      return Buffer.concat([u32(TYPE_IDS.bool), Buffer.from([entry.value ? 1 : 0])]);
    case 'string':
      return Buffer.concat([u32(TYPE_IDS.string), string(entry.value)]);
    case 'i32[]':
      return array(TYPE_IDS.i32, entry.value.length, littleEndian(new Int32Array(entry.value)));
    case 'f32[]':
      return array(TYPE_IDS.f32, entry.value.length, littleEndian(new Float32Array(entry.value)));
    case 'string[]':
      return array(TYPE_IDS.string, entry.value.length, Buffer.concat(entry.value.map(string)));
  }
}

function array(elementTypeId: number, length: number, elements: Buffer): Buffer {
  return Buffer.concat([u32(TYPE_IDS.array), u32(elementTypeId), u64(length), elements]);
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([u64(bytes.length), bytes]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

/** Node's platforms are little-endian, as GGUF is. */
function littleEndian(numbers: Int32Array | Float32Array): Buffer {
  return Buffer.from(numbers.buffer);
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

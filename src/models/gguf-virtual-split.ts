import path from 'node:path';
import { MixgateError } from '../errors.ts';
import type { GgufLayout, TensorPlace } from './gguf.ts';
import { MAX_PARTS, partName, withoutSplit } from './gguf-split.ts';

/** A GGUF file, or one part of a split one, that is to be cut. */
export interface SplitSource {
  readonly path: string;
  readonly layout: GgufLayout;
  /** The bytes of the tensor table, from its first line to its last. */
  readonly table: Buffer;
}

/** Bytes of a file, `end` after the last one. */
export interface FileRange {
  readonly path: string;
  readonly start: number;
  readonly end: number;
}

/** A GGUF file that is nowhere on the disk: these bytes, one after the other. */
export interface VirtualPart {
  readonly name: string;
  readonly sizeBytes: number;
  readonly segments: readonly (Buffer | FileRange)[];
}

type Segment = VirtualPart['segments'][number];

/** A tensor and where it is from. */
interface Tensor {
  readonly place: TensorPlace;
  readonly source: SplitSource;
}

/** What a part that holds a single large tensor may have: wllama's file system holds no file of 2 GiB. */
const MAX_FILE_BYTES = 2 ** 31 - 1;
const PREAMBLE_BYTES = 24;
const OFFSET_BYTES = 8;
const ALIGNMENT_KEY = 'general.alignment';
const UINT16 = 2;
const UINT32 = 4;
const INT32 = 5;

/**
 * Cuts a model into parts as llama.cpp's gguf-split does: tensors stay whole, the first part carries all metadata, the
 * others what a loader needs to read them. No part has more than `partBytes`, but for one that holds a single tensor,
 * or the metadata alone, that is larger; all of `sources` are cut anew, in their order.
 * @throws VARIANT_NOT_AVAILABLE where no cutting makes the files small enough
 */
export function virtualSplit(sources: readonly SplitSource[], partBytes: number): VirtualPart[] {
  const split = new Split(sources);
  const groups = split.groups(partBytes);
  const file = sources[0]!.path;
  if (groups.length > MAX_PARTS)
    throw unusable(
      file,
      `would be ${groups.length} parts of ${partBytes} bytes, and ${MAX_PARTS} is the most.`,
    );
  return groups.map((tensors, index) => {
    const segments = split.part(tensors, index, groups.length);
    const sizeBytes = segments.reduce((sum, segment) => sum + segmentBytes(segment), 0);
    if (sizeBytes > MAX_FILE_BYTES) {
      const what = tensors.length === 0 ? 'metadata' : `a tensor ${tensors[0]!.place.name}`;
      throw unusable(
        file,
        `has ${what} of ${sizeBytes} bytes, and a browser holds no file of 2 GiB or more: ask for a smaller quantization or another backend.`,
      );
    }
    return {
      name: partName(withoutSplit(path.basename(file)), index + 1, groups.length),
      sizeBytes,
      segments,
    };
  });
}

export const segmentBytes = (segment: Uint8Array | FileRange): number =>
  segment instanceof Uint8Array ? segment.length : segment.end - segment.start;

const unusable = (file: string, problem: string): MixgateError =>
  new MixgateError('VARIANT_NOT_AVAILABLE', `${file} ${problem}`, { path: file });

class Split {
  readonly #tensors: readonly Tensor[];
  readonly #first: SplitSource;
  /** Of the first source, without what says how it was cut. */
  readonly #entries: GgufLayout['entries'];
  /** The first source's, for every part. */
  readonly #alignment: number;

  constructor(sources: readonly SplitSource[]) {
    this.#first = sources[0]!;
    this.#tensors = sources.flatMap((source) => source.layout.tensors.map((place) => ({ place, source })));
    this.#entries = this.#first.layout.entries.filter(({ key }) => !key.startsWith('split.'));
    this.#alignment = this.#first.layout.alignment;
  }

  /** Which tensors go into which part. */
  groups(partBytes: number): Tensor[][] {
    const groups: Tensor[][] = [[]];
    let header = this.#metadataBytes(0);
    let data = 0;
    for (const tensor of this.#tensors) {
      const line = tensor.place.end - tensor.place.start;
      const bytes = this.#aligned(tensor.place.bytes);
      const isFull = this.#aligned(header + line) + data + bytes > partBytes;
      // The first part may stay without any: its metadata can fill it.
      const isSomething = groups.length === 1 || groups.at(-1)!.length > 0;
      if (isFull && isSomething) {
        groups.push([]);
        header = this.#metadataBytes(groups.length - 1);
        data = 0;
      }
      groups.at(-1)!.push(tensor);
      header += line;
      data += bytes;
    }
    return groups;
  }

  part(tensors: readonly Tensor[], index: number, parts: number): Segment[] {
    const own = this.#ownEntries(index, parts);
    const copied = index === 0 ? this.#entries : [];
    const table: Buffer[] = [];
    let offset = 0;
    for (const { place, source } of tensors) {
      const tableStart = source.layout.tensors[0]!.start;
      table.push(
        source.table.subarray(place.start - tableStart, place.end - tableStart - OFFSET_BYTES),
        u64(offset),
      );
      offset += this.#aligned(place.bytes);
    }
    const headerBytes = this.#metadataBytes(index) + table.reduce((sum, { length }) => sum + length, 0);
    const { path: file, layout } = this.#first;
    return joined([
      Buffer.concat([
        Buffer.from('GGUF'),
        u32(layout.version),
        u64(tensors.length),
        u64(copied.length + own.length),
      ]),
      ...copied.map(({ start, end }) => ({ path: file, start, end })),
      Buffer.concat([...own, ...table, this.#padding(headerBytes)]),
      ...tensors.flatMap((tensor) => this.#data(tensor)),
    ]);
  }

  #data({ place, source }: Tensor): Segment[] {
    const start = source.layout.dataOffset + place.offset;
    return [{ path: source.path, start, end: start + place.bytes }, this.#padding(place.bytes)];
  }

  /** What no copied metadata says: how the model is cut and, where it is not as usual, how data is aligned. */
  #ownEntries(index: number, parts: number): Buffer[] {
    const isLost = index > 0 && this.#entries.some(({ key }) => key === ALIGNMENT_KEY);
    return [
      ...(isLost ? [entry(ALIGNMENT_KEY, UINT32, u32(this.#alignment))] : []),
      entry('split.no', UINT16, u16(index)),
      entry('split.count', UINT16, u16(parts)),
      entry('split.tensors.count', INT32, u32(this.#tensors.length)),
    ];
  }

  /** Everything before the tensor table. */
  #metadataBytes(index: number): number {
    const copied = index === 0 ? this.#entries.reduce((sum, { start, end }) => sum + end - start, 0) : 0;
    return this.#ownEntries(index, 1).reduce((sum, { length }) => sum + length, PREAMBLE_BYTES + copied);
  }

  #aligned(bytes: number): number {
    return Math.ceil(bytes / this.#alignment) * this.#alignment;
  }

  #padding(bytes: number): Buffer {
    return Buffer.alloc(this.#aligned(bytes) - bytes);
  }
}

/** Without empty ones, and neighbours in a file as one. */
function joined(segments: readonly Segment[]): Segment[] {
  const result: Segment[] = [];
  for (const segment of segments) {
    if (segmentBytes(segment) === 0) continue;
    const last = result.at(-1);
    const touches =
      last !== undefined &&
      'path' in last &&
      'path' in segment &&
      last.path === segment.path &&
      last.end === segment.start;
    if (touches) result[result.length - 1] = { ...last, end: segment.end };
    else result.push(segment);
  }
  return result;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

const u16 = (value: number): Buffer => u32(value).subarray(0, 2);

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

const entry = (key: string, type: number, value: Buffer): Buffer =>
  Buffer.concat([u64(Buffer.byteLength(key)), Buffer.from(key), u32(type), value]);

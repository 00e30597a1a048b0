import { open, stat } from 'node:fs/promises';
import { MixgateError, messageOf } from '../errors.ts';
import { GGML_TYPES } from '../routing/ggml-types.ts';
import type { TensorFacts } from '../routing/weights.ts';
import { ByteReader, EndOfFile, fileSource, HeaderTooLong, type ByteSource } from './byte-reader.ts';

export type GgufValue = number | boolean | string | readonly GgufValue[];

/** The header of a GGUF file: everything but the weights. */
export interface GgufHeader {
  /** Arrays of more than 1,024 elements (vocabularies) are left out. */
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** Length of every array, also of those left out. */
  readonly arrayLengths: ReadonlyMap<string, number>;
  readonly tensors: readonly TensorFacts[];
  readonly fileBytes: number;
  /** Where the weights start in the file. */
  readonly dataOffset: number;
}

/** Where the pieces of a header are, so that they can be copied as they are; places are bytes from the file's start, ends are after the last one. */
export interface GgufLayout extends GgufHeader {
  readonly version: number;
  readonly alignment: number;
  /** The metadata, in the file's order, the long arrays too. */
  readonly entries: readonly { readonly key: string; readonly start: number; readonly end: number }[];
  readonly tensors: readonly TensorPlace[];
}

export interface TensorPlace extends TensorFacts {
  /** Its line in the tensor table; the last eight bytes are `offset`. */
  readonly start: number;
  readonly end: number;
  /** Of its data from `dataOffset`. */
  readonly offset: number;
}

/** Bounds, so that a header that lies costs little time and memory. */
const MAX_ENTRIES = 65_536;
const MAX_STRING_BYTES = 16 * 2 ** 20;
/** What is kept of a header, together: keys, values, elements of arrays and tensors. */
const MAX_KEPT_BYTES = 64 * 2 ** 20;
/** About what an entry, an element or a tensor takes in memory besides its text. */
const ENTRY_BYTES = 200;
const ELEMENT_BYTES = 16;
const MAX_KEPT_ARRAY = 1024;
const MAX_HEADER_BYTES = 512 * 2 ** 20;
const MAX_DIMENSIONS = 4;
const DEFAULT_ALIGNMENT = 32;

const STRING = 8;
const ARRAY = 9;

/** Fixed-size value types of GGUF by id. */
const SCALARS: ReadonlyMap<number, { bytes: number; read: (view: Buffer) => number | boolean }> = new Map([
  [0, { bytes: 1, read: (view: Buffer) => view.readUInt8() }],
  [1, { bytes: 1, read: (view: Buffer) => view.readInt8() }],
  [2, { bytes: 2, read: (view: Buffer) => view.readUInt16LE() }],
  [3, { bytes: 2, read: (view: Buffer) => view.readInt16LE() }],
  [4, { bytes: 4, read: (view: Buffer) => view.readUInt32LE() }],
  [5, { bytes: 4, read: (view: Buffer) => view.readInt32LE() }],
  [6, { bytes: 4, read: (view: Buffer) => view.readFloatLE() }],
  [7, { bytes: 1, read: (view: Buffer) => view.readUInt8() !== 0 }],
  [10, { bytes: 8, read: (view: Buffer) => Number(view.readBigUInt64LE()) }],
  [11, { bytes: 8, read: (view: Buffer) => Number(view.readBigInt64LE()) }],
  [12, { bytes: 8, read: (view: Buffer) => view.readDoubleLE() }],
]);

/** The sentence without the file's name, which is put in front at the edge. */
class Unusable extends Error {}

/** It ends too soon: perhaps it is still being written. */
class CutShort extends Unusable {}

/**
 * Reads a file's GGUF header (versions 2 and 3) in bounded time and memory and checks it against the file's size.
 * @throws VARIANT_NOT_AVAILABLE with what is wrong and what to do; the signal's reason once it is aborted
 */
export async function readGgufHeader(path: string, signal?: AbortSignal): Promise<GgufHeader> {
  return headerOf(await readGgufLayout(path, signal));
}

/** The same, with the places of its pieces. @throws as `readGgufHeader` */
export async function readGgufLayout(path: string, signal?: AbortSignal): Promise<GgufLayout> {
  signal?.throwIfAborted();
  try {
    // Before opening: opening a pipe waits for its other end.
    const stats = await stat(path);
    if (!stats.isFile()) throw new Unusable('is not a file. Give a model in GGUF format.');
    await using file = await open(path, 'r');
    return await layoutOf(fileSource(file, stats.size), signal);
  } catch (error) {
    throw unusable(error, path, signal);
  }
}

/** The same of any source; `name` is what errors call it. @throws as `readGgufHeader`; MixgateErrors of the source as they are */
export async function readGgufHeaderFrom(
  source: ByteSource,
  name: string,
  signal?: AbortSignal,
): Promise<GgufHeader> {
  try {
    return headerOf(await layoutOf(source, signal));
  } catch (error) {
    throw unusable(error, name, signal);
  }
}

const layoutOf = (source: ByteSource, signal: AbortSignal | undefined): Promise<GgufLayout> =>
  new HeaderReader(new ByteReader(source, MAX_HEADER_BYTES, signal), source.sizeBytes).read();

/** Without the places, which nothing that is kept needs. */
const headerOf = ({ metadata, arrayLengths, tensors, fileBytes, dataOffset }: GgufLayout): GgufHeader => ({
  metadata,
  arrayLengths,
  tensors: tensors.map(({ name, type, elements, bytes }) => ({ name, type, elements, bytes })),
  fileBytes,
  dataOffset,
});

function unusable(error: unknown, path: string, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return signal.reason;
  if (error instanceof MixgateError) return error;
  const isIncomplete = error instanceof EndOfFile || error instanceof CutShort;
  const isContent = isIncomplete || error instanceof Unusable || error instanceof HeaderTooLong;
  const data = { path, ...(isIncomplete && { isIncomplete }), ...(!isContent && { isUnreadable: true }) };
  return new MixgateError('VARIANT_NOT_AVAILABLE', `${path} ${reasonOf(error)}`, data, { cause: error });
}

function reasonOf(error: unknown): string {
  if (error instanceof Unusable) return error.message;
  if (error instanceof EndOfFile) return 'is cut short: its header does not end. Download it again.';
  if (error instanceof HeaderTooLong)
    return 'has a header of more than 512 MiB; it is damaged. Download it again.';
  return `cannot be read: ${messageOf(error)}. Check the path and who may read it.`;
}

class HeaderReader {
  readonly #reader: ByteReader;
  readonly #fileBytes: number;
  readonly #metadata = new Map<string, GgufValue>();
  readonly #arrayLengths = new Map<string, number>();
  #keptBytes = 0;

  constructor(reader: ByteReader, fileBytes: number) {
    this.#reader = reader;
    this.#fileBytes = fileBytes;
  }

  async read(): Promise<GgufLayout> {
    const { version, tensorCount, entryCount } = await this.#preamble();
    const entries: GgufLayout['entries'][number][] = [];
    for (let entry = 0; entry < entryCount; entry++) entries.push(await this.#entry());
    const tensors: TensorPlace[] = [];
    for (let tensor = 0; tensor < tensorCount; tensor++) tensors.push(await this.#tensor());
    return {
      version,
      metadata: this.#metadata,
      arrayLengths: this.#arrayLengths,
      entries,
      tensors,
      fileBytes: this.#fileBytes,
      ...this.#checkData(tensors),
    };
  }

  async #preamble() {
    if (this.#reader.left < 4 || (await this.#reader.take(4)).toString('latin1') !== 'GGUF')
      throw new Unusable('is not a GGUF file. Give a model in GGUF format.');
    const version = await this.#reader.u32();
    if (version !== 2 && version !== 3)
      throw new Unusable(`has GGUF version ${version}; versions 2 and 3 can be read. Convert it again.`);
    const tensorCount = await this.#count('tensors');
    return { version, tensorCount, entryCount: await this.#count('metadata entries') };
  }

  async #count(what: string): Promise<number> {
    const count = await this.#reader.u64();
    if (count > MAX_ENTRIES)
      throw new Unusable(`claims ${count} ${what}; the header is damaged. Download it again.`);
    return Number(count);
  }

  async #entry() {
    const start = this.#reader.position;
    const key = await this.#string();
    this.#keep(ENTRY_BYTES);
    const type = await this.#reader.u32();
    if (type === ARRAY) {
      const value = await this.#array(key);
      if (value !== null) this.#metadata.set(key, value);
    } else this.#metadata.set(key, await this.#value(type));
    return { key, start, end: this.#reader.position };
  }

  async #value(type: number): Promise<GgufValue> {
    if (type === STRING) return this.#string();
    const scalar = SCALARS.get(type);
    if (scalar === undefined)
      throw new Unusable(`has metadata of unknown type ${type}; it is damaged or too new.`);
    return scalar.read(await this.#reader.take(scalar.bytes));
  }

  async #array(key: string): Promise<GgufValue[] | null> {
    const type = await this.#reader.u32();
    const length = await this.#length(1);
    this.#arrayLengths.set(key, length);
    const scalar = SCALARS.get(type);
    if (scalar === undefined && type !== STRING)
      throw new Unusable(`has an array of type ${type}, which is not supported; it is damaged or too new.`);
    if (length <= MAX_KEPT_ARRAY) {
      this.#keep(length * ELEMENT_BYTES);
      const values: GgufValue[] = [];
      for (let index = 0; index < length; index++) values.push(await this.#value(type));
      return values;
    }
    if (scalar !== undefined) this.#reader.skip(length * scalar.bytes);
    else await this.#reader.skipStrings(length);
    return null;
  }

  async #string(): Promise<string> {
    const bytes = await this.#length(MAX_STRING_BYTES);
    this.#keep(bytes);
    return (await this.#reader.take(bytes)).toString('utf8');
  }

  /** A length that the rest of the file can hold; `most` bounds strings, arrays are bounded by the file. */
  async #length(most: number): Promise<number> {
    const length = await this.#reader.u64();
    const limit = most === 1 ? this.#reader.left : Math.min(most, this.#reader.left);
    if (length <= limit) return Number(length);
    if (length > MAX_HEADER_BYTES)
      throw new Unusable(`claims a length of ${length}; it is damaged. Download it again.`);
    throw new EndOfFile();
  }

  #keep(bytes: number): void {
    this.#keptBytes += bytes;
    if (this.#keptBytes > MAX_KEPT_BYTES)
      throw new Unusable('has a header that takes more than 64 MiB; it is damaged. Download it again.');
  }

  async #tensor(): Promise<TensorPlace> {
    this.#keep(ENTRY_BYTES);
    const start = this.#reader.position;
    const name = await this.#string();
    const dimensionCount = await this.#reader.u32();
    if (dimensionCount < 1 || dimensionCount > MAX_DIMENSIONS)
      throw new Unusable(
        `has a tensor ${name} of ${dimensionCount} dimensions; it is damaged. Download it again.`,
      );
    const dimensions: number[] = [];
    for (let index = 0; index < dimensionCount; index++) dimensions.push(Number(await this.#reader.u64()));
    const typeId = await this.#reader.u32();
    const offset = Number(await this.#reader.u64());
    return { name, start, end: this.#reader.position, offset, ...tensorSize(name, dimensions, typeId) };
  }

  /** How the data is aligned and where it starts. */
  #checkData(tensors: readonly TensorPlace[]): { alignment: number; dataOffset: number } {
    const alignment = this.#metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT;
    if (typeof alignment !== 'number' || alignment < 1 || !Number.isInteger(Math.log2(alignment)))
      throw new Unusable(`has an alignment of ${String(alignment)}; it is damaged. Download it again.`);
    const dataStart = Math.ceil(this.#reader.position / alignment) * alignment;
    let end = 0;
    for (const { name, offset, bytes } of tensors.toSorted((a, b) => a.offset - b.offset)) {
      if (!Number.isSafeInteger(offset) || offset % alignment !== 0 || offset < end)
        throw new Unusable(
          `has tensors that overlap or are misplaced at ${name}; it is damaged. Download it again.`,
        );
      end = offset + bytes;
    }
    if (dataStart + end > this.#fileBytes)
      throw new CutShort(
        `is cut short: it has ${this.#fileBytes} of ${dataStart + end} bytes. Download it again.`,
      );
    return { alignment, dataOffset: dataStart };
  }
}

function tensorSize(name: string, dimensions: readonly number[], typeId: number): Omit<TensorFacts, 'name'> {
  const type = GGML_TYPES.get(typeId);
  if (type === undefined)
    throw new Unusable(
      `has a tensor ${name} of unknown type ${typeId}; update mixgate, or convert the model again.`,
    );
  const elements = dimensions.reduce((product, length) => product * length, 1);
  const bytes = (elements / type.blockElements) * type.blockBytes;
  const isSound =
    dimensions.every((length) => length >= 1) &&
    dimensions[0]! % type.blockElements === 0 &&
    Number.isSafeInteger(elements) &&
    Number.isSafeInteger(bytes);
  if (!isSound)
    throw new Unusable(`has a tensor ${name} of impossible size ${dimensions.join(' × ')}; it is damaged.`);
  return { type: type.name, elements, bytes };
}

import type { FileHandle } from 'node:fs/promises';

/** Bytes that can be read from any place: a file here, or one behind HTTP ranges. */
export interface ByteSource {
  readonly sizeBytes: number;
  /** How much to read at once, bytes, when `position` has been read up to. */
  chunkBytes(position: number): number;
  /** `length` bytes from `position` on, fewer only where the source ends sooner than it said. */
  read(position: number, length: number, signal?: AbortSignal): Promise<Buffer>;
}

const FILE_CHUNK_BYTES = 1 << 18;

/** An open file of `sizeBytes`. */
export function fileSource(file: FileHandle, sizeBytes: number): ByteSource {
  return {
    sizeBytes,
    chunkBytes: () => FILE_CHUNK_BYTES,
    async read(position, length) {
      const buffer = Buffer.alloc(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await file.read(buffer, filled, length - filled, position + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return buffer.subarray(0, filled);
    },
  };
}

/** The file ended before the header did. */
export class EndOfFile extends Error {}

/** The header goes on beyond the bytes it may have. */
export class HeaderTooLong extends Error {}

/** Reads little-endian numbers and strings front to back, one chunk in memory. */
export class ByteReader {
  readonly #source: ByteSource;
  readonly #maxBytes: number;
  readonly #signal: AbortSignal | undefined;
  #chunk: Buffer = Buffer.alloc(0);
  #chunkStart = 0;
  #at = 0;

  constructor(source: ByteSource, maxBytes: number, signal?: AbortSignal) {
    this.#source = source;
    this.#maxBytes = maxBytes;
    this.#signal = signal;
  }

  /** Offset in the source of what is read next. */
  get position(): number {
    return this.#chunkStart + this.#at;
  }

  /** Bytes that the source still has. */
  get left(): number {
    return this.#source.sizeBytes - this.position;
  }

  /** Moves on without reading. @throws EndOfFile, HeaderTooLong */
  skip(bytes: number): void {
    this.#check(bytes);
    const target = this.position + bytes;
    if (target <= this.#chunkStart + this.#chunk.length) this.#at += bytes;
    else {
      this.#chunk = Buffer.alloc(0);
      this.#chunkStart = target;
      this.#at = 0;
    }
  }

  /** `bytes` of it; a view that the next call may overwrite. @throws EndOfFile, HeaderTooLong; what the signal says */
  async take(bytes: number): Promise<Buffer> {
    if (this.#at + bytes > this.#chunk.length) await this.#fill(bytes);
    const view = this.#chunk.subarray(this.#at, this.#at + bytes);
    this.#at += bytes;
    return view;
  }

  /** Moves over `count` strings, awaiting per chunk and not per string. @throws as `take` */
  async skipStrings(count: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      if (this.#at + 8 > this.#chunk.length) await this.#fill(8);
      const bytes = this.#chunk.readUInt32LE(this.#at) + this.#chunk.readUInt32LE(this.#at + 4) * 2 ** 32;
      this.#at += 8;
      this.skip(bytes);
    }
  }

  async u32(): Promise<number> {
    return (await this.take(4)).readUInt32LE();
  }

  async u64(): Promise<bigint> {
    return (await this.take(8)).readBigUInt64LE();
  }

  #check(bytes: number): void {
    if (bytes > this.left) throw new EndOfFile();
    if (this.position + bytes > this.#maxBytes) throw new HeaderTooLong();
  }

  async #fill(bytes: number): Promise<void> {
    this.#check(bytes);
    this.#signal?.throwIfAborted();
    const start = this.position;
    const wanted = Math.max(bytes, this.#source.chunkBytes(start));
    const chunk = await this.#source.read(start, Math.min(wanted, this.left), this.#signal);
    if (chunk.length < bytes) throw new EndOfFile();
    this.#chunk = chunk;
    this.#chunkStart = start;
    this.#at = 0;
  }
}

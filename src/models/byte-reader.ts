import type { FileHandle } from 'node:fs/promises';

const CHUNK_BYTES = 1 << 18;

/** The file ended before the header did. */
export class EndOfFile extends Error {}

/** The header goes on beyond the bytes it may have. */
export class HeaderTooLong extends Error {}

/** Reads little-endian numbers and strings of a file front to back, one chunk in memory. */
export class ByteReader {
  readonly #file: FileHandle;
  readonly #fileBytes: number;
  readonly #maxBytes: number;
  readonly #signal: AbortSignal | undefined;
  #chunk: Buffer = Buffer.alloc(0);
  #chunkStart = 0;
  #at = 0;

  constructor(file: FileHandle, bounds: { fileBytes: number; maxBytes: number }, signal?: AbortSignal) {
    this.#file = file;
    this.#fileBytes = bounds.fileBytes;
    this.#maxBytes = bounds.maxBytes;
    this.#signal = signal;
  }

  /** Offset in the file of what is read next. */
  get position(): number {
    return this.#chunkStart + this.#at;
  }

  /** Bytes that the file still has. */
  get left(): number {
    return this.#fileBytes - this.position;
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

  /** `bytes` of the file; a view that the next call may overwrite. @throws EndOfFile, HeaderTooLong; what the signal says */
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
    const buffer = Buffer.alloc(Math.min(Math.max(bytes, CHUNK_BYTES), this.#fileBytes - start));
    let filled = 0;
    while (filled < buffer.length) {
      const { bytesRead } = await this.#file.read(buffer, filled, buffer.length - filled, start + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    if (filled < bytes) throw new EndOfFile();
    this.#chunk = buffer.subarray(0, filled);
    this.#chunkStart = start;
    this.#at = 0;
  }
}

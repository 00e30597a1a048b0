import { open, type FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import parseRange from 'range-parser';

/** Bytes of a file, `end` after the last one. */
export interface FileRange {
  readonly path: string;
  readonly start: number;
  readonly end: number;
}

/** A file that is nowhere on the disk: bytes of memory and of files, one after the other. */
export interface ComposedFile {
  readonly name: string;
  /** Of all segments together. */
  readonly sizeBytes: number;
  readonly segments: readonly (Uint8Array | FileRange)[];
}

/** From the first byte up to before the second. */
interface Cut {
  readonly start: number;
  readonly end: number;
}

const CHUNK_BYTES = 2 ** 18;

/** Answers GET and HEAD, with one range of bytes or the whole file; several ranges at once are answered with it too. */
export function sendComposed(file: ComposedFile, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.headers({
    'accept-ranges': 'bytes',
    'content-type': 'application/octet-stream',
  });
  const cut = cutOf(file.sizeBytes, request);
  if (cut === null)
    return reply
      .code(416)
      .headers({ 'content-range': `bytes */${file.sizeBytes}`, 'content-length': 0 })
      .send();
  const { start, end } = cut.range;
  reply.header('content-length', end - start);
  if (cut.isPartial) reply.code(206).header('content-range', `bytes ${start}-${end - 1}/${file.sizeBytes}`);
  // To answer a HEAD Fastify reads the stream to its end, and where there is none it says that the length is 0.
  if (request.method === 'HEAD') return reply.send(Readable.from([]));
  return reply.send(
    Readable.from(bytesOf(file, cut.range), { objectMode: false, highWaterMark: CHUNK_BYTES }),
  );
}

/** Null where no byte of what is asked for is there. */
function cutOf(sizeBytes: number, { headers }: FastifyRequest): { range: Cut; isPartial: boolean } | null {
  const whole = { range: { start: 0, end: sizeBytes }, isPartial: false };
  // What the condition names is never what is here: nothing here has a validator.
  if (headers.range === undefined || headers['if-range'] !== undefined) return whole;
  const ranges = parseRange(sizeBytes, headers.range);
  if (ranges === -1) return null;
  // RFC 9110, 14.2: what is not understood is ignored.
  if (ranges === -2 || ranges.type !== 'bytes' || ranges.length > 1) return whole;
  const { start, end } = ranges[0]!;
  return { range: { start, end: end + 1 }, isPartial: true };
}

/** The bytes of a cut, read as they are taken. @throws where a file has become shorter, what reading throws */
async function* bytesOf({ segments }: ComposedFile, cut: Cut): AsyncGenerator<Uint8Array> {
  await using files = new OneFile();
  let at = 0;
  for (const segment of segments) {
    const length = segment instanceof Uint8Array ? segment.length : segment.end - segment.start;
    const start = Math.max(0, cut.start - at);
    const end = Math.min(length, cut.end - at);
    at += length;
    if (start >= end) continue;
    if (segment instanceof Uint8Array) yield segment.subarray(start, end);
    else yield* files.read({ path: segment.path, start: segment.start + start, end: segment.start + end });
  }
}

/** Holds the file open that was read last: segments in a row are mostly of the same. */
class OneFile implements AsyncDisposable {
  #path = '';
  #handle: FileHandle | null = null;

  async *read({ path, start, end }: FileRange): AsyncGenerator<Uint8Array> {
    const handle = await this.#open(path);
    for (let at = start; at < end;) {
      const { bytesRead, buffer } = await handle.read({
        buffer: Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - at)),
        position: at,
      });
      // The answer ends before its length then: the client sees that it is not whole.
      if (bytesRead === 0) throw new Error(`${path} has ${at} bytes where ${end} were asked for.`);
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  async #open(path: string): Promise<FileHandle> {
    if (this.#handle !== null && this.#path === path) return this.#handle;
    await this[Symbol.asyncDispose]();
    this.#path = path;
    return (this.#handle = await open(path, 'r'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    await handle?.close();
  }
}

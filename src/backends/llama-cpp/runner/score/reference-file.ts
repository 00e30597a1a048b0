import { open, statfs, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { MixgateError, messageOf } from '../../../../errors.ts';
import type { CommandOf } from '../../../../protocol/frames.ts';

type Reference = NonNullable<CommandOf<'score'>['reference']>;

/** What a file must agree on to be compared with. */
export interface ReferenceShape {
  readonly vocabularySize: number;
  readonly rows: number;
  /** Of the windows. */
  readonly digest: string;
}

/** Bytes of a disk that are left free. */
const SPARE_BYTES = 64 * 2 ** 20;
const HEADER_BYTES = 128;
const FULL: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** A row is the most likely token, then a half for each token of the vocabulary: how far its logit is below the highest. */
export const rowBytes = (vocabularySize: number): number => 4 + 2 * vocabularySize + padding(vocabularySize);
/** Keeps rows aligned. */
const padding = (vocabularySize: number): number => (vocabularySize % 2) * 2;

/** Rows in memory, as they are in the file. */
export class Rows {
  readonly bytes: Buffer;
  readonly #tops: Uint32Array;
  readonly #halves: Uint16Array;
  readonly #vocabularySize: number;

  constructor(count: number, vocabularySize: number) {
    this.#vocabularySize = vocabularySize;
    const memory = new ArrayBuffer(count * rowBytes(vocabularySize));
    this.bytes = Buffer.from(memory);
    this.#tops = new Uint32Array(memory);
    this.#halves = new Uint16Array(memory);
  }

  top(index: number): number {
    return this.#tops[(index * rowBytes(this.#vocabularySize)) / 4]!;
  }

  setTop(index: number, token: number): void {
    this.#tops[(index * rowBytes(this.#vocabularySize)) / 4] = token;
  }

  /** A view: what is written to it is in the row. */
  halves(index: number): Uint16Array {
    const from = (index * rowBytes(this.#vocabularySize)) / 2 + 2;
    return this.#halves.subarray(from, from + this.#vocabularySize);
  }
}

/** The file of the reference's distributions, row after row, written once and then read in the same order. */
export class ReferenceFile {
  readonly mode: Reference['mode'];
  readonly #file: FileHandle;
  readonly #path: string;
  #at = HEADER_BYTES;

  private constructor(file: FileHandle, { path: place, mode }: Reference) {
    this.#file = file;
    this.#path = place;
    this.mode = mode;
  }

  /** @throws DISK_FULL; INVALID_INPUT where it would be too large, or is of another text or tokenizer */
  static async open(reference: Reference, shape: ReferenceShape): Promise<ReferenceFile> {
    const isNew = reference.mode === 'WRITE';
    if (isNew) await checkRoom(reference, shape);
    const handle = await open(reference.path, isNew ? 'wx' : 'r', 0o600).catch((error: unknown) => {
      throw diskError(error, reference.path);
    });
    const file = new ReferenceFile(handle, reference);
    try {
      if (isNew) await file.#writeAt(header(shape), 0);
      else await file.#checkHeader(shape);
      return file;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async append({ bytes }: Rows): Promise<void> {
    await this.#writeAt(bytes, this.#at);
    this.#at += bytes.length;
  }

  async next(count: number, vocabularySize: number): Promise<Rows> {
    const rows = new Rows(count, vocabularySize);
    await this.#readAt(rows.bytes, this.#at);
    this.#at += rows.bytes.length;
    return rows;
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #checkHeader(shape: ReferenceShape): Promise<void> {
    const found = Buffer.alloc(HEADER_BYTES);
    await this.#readAt(found, 0);
    if (found.equals(header(shape))) return;
    throw new MixgateError(
      'INVALID_INPUT',
      "reference: its tokenizer is not this quantization's, so that their predictions cannot be compared. Choose a reference that was made from the same weights.",
    );
  }

  async #writeAt(bytes: Buffer, position: number): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      const { bytesWritten } = await this.#file
        .write(bytes, done, bytes.length - done, position + done)
        .catch((error: unknown) => {
          throw diskError(error, this.#path);
        });
      done += bytesWritten;
    }
  }

  async #readAt(bytes: Buffer, position: number): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      const { bytesRead } = await this.#file.read(bytes, done, bytes.length - done, position + done);
      if (bytesRead === 0)
        throw new MixgateError('INTERNAL', `${this.#path} ends early: measure again.`, { path: this.#path });
      done += bytesRead;
    }
  }
}

function header(shape: ReferenceShape): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.write(`mixgate-reference-1 ${shape.vocabularySize} ${shape.rows} ${shape.digest}`);
  return bytes;
}

async function checkRoom(
  { path: place, maxBytes }: Reference,
  { vocabularySize, rows }: ReferenceShape,
): Promise<void> {
  const neededBytes = HEADER_BYTES + rows * rowBytes(vocabularySize);
  const what = `The reference's distributions of ${rows} tokens take ${neededBytes} bytes`;
  if (neededBytes > maxBytes)
    throw new MixgateError(
      'INVALID_INPUT',
      `${what}, and at most ${maxBytes} are allowed: set maxWindows, or measure without a reference.`,
      { neededBytes, maxBytes },
    );
  const freeBytes = await statfs(path.dirname(place)).then(
    ({ bavail, bsize }) => Math.max(0, bavail * bsize - SPARE_BYTES),
    (error: unknown) => {
      throw diskError(error, place);
    },
  );
  if (neededBytes <= freeBytes) return;
  throw new MixgateError(
    'DISK_FULL',
    `${what}, and ${freeBytes} are free on the disk of ${path.dirname(place)}: free some, set maxWindows, or measure without a reference.`,
    { neededBytes, freeBytes },
  );
}

function diskError(error: unknown, place: string): MixgateError {
  if (FULL.has((error as NodeJS.ErrnoException).code))
    return new MixgateError(
      'DISK_FULL',
      `The disk is full (${path.dirname(place)}): free some space, set maxWindows, or measure without a reference.`,
      { path: place },
    );
  return new MixgateError(
    'INTERNAL',
    `${place} cannot be written: ${messageOf(error)}`,
    { path: place },
    { cause: error },
  );
}

import { rm, type FileHandle } from 'node:fs/promises';
import { asMixgateError, MixgateError } from '../../errors.ts';
import { Attempts, PROGRESS_BYTES, type Persistence } from './attempts.ts';
import { ByteRanges, type ByteRange } from './byte-ranges.ts';
import { diskError, openToWrite } from './disk.ts';
import { readJournal, removeJournal, writeJournal } from './journal.ts';
import { SourceChanged, type Opened, type RemoteFile } from './remote-file.ts';
import { streamRange } from './stream-range.ts';

export interface TransferOptions extends Persistence {
  /** Requests for one file at once. */
  readonly connections: number;
  /** Bytes that one request asks for. */
  readonly segmentBytes: number;
  /** A request that brings next to nothing for so long is given up, milliseconds. */
  readonly stallMs: number;
}

export interface PartHooks {
  /** Something came. */
  readonly onBytes: () => void;
  /** Whether there is room for the rest: asked when the size is told, and now and then where it never is. @throws DISK_FULL */
  readonly checkRoom: () => Promise<void>;
}

/** How much of the work a crash can lose. */
const CHECKPOINT_MS = 1000;
/** How much of a file of unknown size is taken without asking for room again. */
const ROOM_BYTES = 64 * 2 ** 20;

/**
 * A file on its way: fetched in parallel ranges, resumed where it stopped, also by another process. What the journal
 * says is there was flushed to the disk before.
 */
export class PartFile {
  readonly #remote: RemoteFile;
  readonly #path: string;
  readonly #options: TransferOptions;
  readonly #hooks: PartHooks;
  readonly #attempts: Attempts;
  #ranges = new ByteRanges();
  #validator: string | null = null;
  #sizeBytes: number | null;
  /** Null before the first answer. */
  #acceptsRanges: boolean | null = null;
  /** Requests that run at once. */
  #parallel = 1;
  /** The most that a server which only sends whole files has brought in one go. */
  #longestBytes = 0;
  #roomBytes = 0;
  #hasRestarted = false;
  #checkpointed: Promise<void> = Promise.resolve();
  #checkpointedAt = 0;
  #checkpointError: MixgateError | null = null;

  constructor(remote: RemoteFile, path: string, options: TransferOptions, hooks: PartHooks) {
    this.#remote = remote;
    this.#path = path;
    this.#options = options;
    this.#hooks = hooks;
    this.#attempts = new Attempts(options);
    this.#sizeBytes = remote.sizeBytes;
    this.#restore();
  }

  get path(): string {
    return this.#path;
  }

  get receivedBytes(): number {
    return this.#ranges.bytes;
  }

  /** Null until the source has told. */
  get sizeBytes(): number | null {
    return this.#sizeBytes;
  }

  /** @throws SOURCE_UNAVAILABLE after too many failures in a row, INTEGRITY_MISMATCH for another size than promised, DISK_FULL, NOT_FOUND, FORBIDDEN; the signal's reason */
  async download(signal: AbortSignal): Promise<void> {
    const file = await openToWrite(this.#path).catch((error: unknown) => {
      throw diskError(error, this.#path);
    });
    try {
      while (!this.#isWhole())
        await this.#round(file, signal).catch(async (error: unknown) => {
          if (!(error instanceof SourceChanged)) throw error;
          await this.#restart();
        });
      await file.truncate(this.#sizeBytes ?? this.#ranges.bytes);
    } finally {
      // A reason that counts is on its way already; one for the journal is lost with less than a second's work.
      await this.#checkpoint(file).catch(() => undefined);
      await file.close();
    }
  }

  /** It has its name now: what told how far it was is not needed any more. */
  close(): Promise<void> {
    return removeJournal(this.#path);
  }

  /** Throws away what is there. */
  async discard(): Promise<void> {
    await Promise.all([rm(this.#path, { force: true }), removeJournal(this.#path)]);
    this.#ranges = new ByteRanges();
  }

  #isWhole(): boolean {
    return this.#sizeBytes !== null && this.#ranges.missing(this.#sizeBytes).length === 0;
  }

  /** Fetches what is missing with as many requests as there may be, until all is there or one of them fails for good. */
  async #round(file: FileHandle, signal: AbortSignal): Promise<void> {
    const controller = new AbortController();
    const either = AbortSignal.any([signal, controller.signal]);
    // The first request tells what the server can do.
    if (this.#acceptsRanges !== true) await this.#next(file, either, this.#segments());
    if (this.#acceptsRanges !== true) return;
    const segments = this.#segments();
    const worker = async () => {
      while (segments.length > 0) await this.#next(file, either, segments);
    };
    this.#parallel = Math.max(1, Math.min(this.#options.connections, segments.length));
    const workers = Array.from({ length: this.#parallel }, worker);
    try {
      await Promise.all(workers);
    } catch (error) {
      controller.abort(error);
      await Promise.allSettled(workers);
      throw error;
    }
  }

  #segments(): ByteRange[] {
    const { segmentBytes } = this.#options;
    if (this.#sizeBytes === null) return [[this.#ranges.missing(Infinity)[0]?.[0] ?? 0, Infinity]];
    return this.#ranges.missing(this.#sizeBytes, segmentBytes);
  }

  /** One request for the first of the segments; after a failure that may pass, what is left of it is the last. */
  async #next(file: FileHandle, signal: AbortSignal, segments: ByteRange[]): Promise<void> {
    const segment = segments.shift();
    if (segment === undefined) return;
    const progress = { at: segment[0] };
    try {
      await this.#fetch(file, segment, { signal, progress });
      this.#attempts.succeeded();
    } catch (error) {
      signal.throwIfAborted();
      if (progress.at < segment[1]) segments.push([progress.at, segment[1]]);
      const hasBrought = this.#hasBrought(progress.at, segment[0]);
      await this.#attempts.failed(error, { hasBrought, parallel: this.#parallel }, signal);
    }
  }

  /** Of a server that begins at the beginning each time, only getting further than ever is progress. */
  #hasBrought(at: number, from: number): boolean {
    if (this.#acceptsRanges !== false) return at - from >= PROGRESS_BYTES;
    const isFurther = at - this.#longestBytes >= PROGRESS_BYTES;
    this.#longestBytes = Math.max(this.#longestBytes, at);
    return isFurther;
  }

  /** Begins anew with the version that is there now, once. */
  async #restart(): Promise<void> {
    if (this.#hasRestarted)
      throw new MixgateError(
        'SOURCE_UNAVAILABLE',
        `${this.#remote.name} keeps changing at its source: try again later.`,
      );
    this.#hasRestarted = true;
    await this.#checkpointed;
    await removeJournal(this.#path);
    this.#ranges = new ByteRanges();
    this.#validator = null;
    this.#acceptsRanges = null;
    this.#sizeBytes = this.#remote.sizeBytes;
  }

  async #fetch(
    file: FileHandle,
    [start, end]: ByteRange,
    { signal, progress }: { signal: AbortSignal; progress: { at: number } },
  ): Promise<void> {
    const range = { start, end: end === Infinity ? null : end };
    let most = end;
    await streamRange(this.#remote, range, this.#validator, {
      stallMs: this.#options.stallMs,
      signal,
      onOpened: async (opened) => {
        await this.#opened(opened);
        progress.at = opened.start;
        most = opened.acceptsRanges ? end : (this.#sizeBytes ?? Infinity);
        return most;
      },
      onChunk: async (bytes, position) => {
        await this.#write(file, bytes, position);
        progress.at = position + bytes.length;
        this.#ranges.add([position, progress.at]);
        this.#hooks.onBytes();
        this.#checkpointSometimes(file);
        if (this.#sizeBytes === null && progress.at - this.#roomBytes >= ROOM_BYTES) {
          this.#roomBytes = progress.at;
          await this.#hooks.checkRoom();
        }
      },
    });
    // Without a length the end is the end.
    if (this.#sizeBytes === null) this.#sizeBytes = progress.at;
    const wanted = Math.min(most, this.#sizeBytes);
    if (progress.at < wanted)
      throw new MixgateError(
        'SOURCE_UNAVAILABLE',
        `${this.#remote.name} was cut at ${progress.at} of ${wanted} bytes.`,
      );
  }

  async #opened({ sizeBytes, validator, acceptsRanges }: Opened): Promise<void> {
    const isNews = this.#sizeBytes === null && sizeBytes !== null;
    this.#checkSize(sizeBytes);
    this.#validator = validator;
    this.#acceptsRanges = acceptsRanges;
    if (!acceptsRanges) this.#ranges = new ByteRanges();
    if (isNews) await this.#hooks.checkRoom();
  }

  /** @throws INTEGRITY_MISMATCH for another size than was listed, SourceChanged for another than the source said before */
  #checkSize(told: number | null): void {
    const { sizeBytes: promised } = this.#remote;
    if (told !== null && promised === null && this.#sizeBytes !== null && told !== this.#sizeBytes)
      throw new SourceChanged();
    if (told !== null && promised !== null && told !== promised)
      throw new MixgateError(
        'INTEGRITY_MISMATCH',
        `${this.#remote.name} has ${told} bytes where ${promised} were promised: try another source.`,
        { file: this.#remote.name, expected: promised, actual: told },
      );
    this.#sizeBytes ??= told;
  }

  async #write(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
    try {
      for (let written = 0; written < bytes.length;)
        written += (await file.write(bytes, written, bytes.length - written, position + written))
          .bytesWritten;
    } catch (error) {
      throw diskError(error, this.#path);
    }
  }

  /** Nobody waits for it, but one that failed ends the next write. @throws DISK_FULL */
  #checkpointSometimes(file: FileHandle): void {
    if (this.#checkpointError !== null) throw this.#checkpointError;
    if (performance.now() - this.#checkpointedAt < CHECKPOINT_MS) return;
    this.#checkpointedAt = performance.now();
    this.#checkpoint(file).catch((error: unknown) => (this.#checkpointError = asMixgateError(error)));
  }

  #checkpoint(file: FileHandle): Promise<void> {
    const next = this.#checkpointed.then(async () => {
      const sizeBytes = this.#sizeBytes;
      const validator = this.#validator;
      // What was received so far, flushed before it is claimed.
      const ranges = this.#acceptsRanges === false ? [] : [...this.#ranges.list];
      try {
        await file.datasync();
        await writeJournal(this.#path, { file: this.#identity(), sizeBytes, validator, ranges });
      } catch (error) {
        throw diskError(error, this.#path);
      }
    });
    this.#checkpointed = next.catch(() => undefined);
    return next;
  }

  /** What the part is of: the same name with another digest is another file. */
  #identity(): string {
    const { name, digest } = this.#remote;
    return digest === null ? name : `${name} ${digest.algorithm} ${digest.hex}`;
  }

  /** Takes up what an earlier run left, where it is of the same file. */
  #restore(): void {
    const journal = readJournal(this.#path);
    if (journal?.file !== this.#identity()) return;
    const isSame =
      this.#sizeBytes === null || journal.sizeBytes === null || journal.sizeBytes === this.#sizeBytes;
    // Without a digest only asking for more, with the validator, tells whether it is the same version still.
    const isWhole = journal.sizeBytes !== null && new ByteRanges(journal.ranges).bytes >= journal.sizeBytes;
    const isTellable = this.#remote.digest !== null || (journal.validator !== null && !isWhole);
    if (!isSame || !isTellable) return;
    this.#ranges = new ByteRanges(journal.ranges);
    this.#validator = journal.validator;
    this.#sizeBytes ??= journal.sizeBytes;
  }
}

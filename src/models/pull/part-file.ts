import { rm, type FileHandle } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { asMixgateError, MixgateError, messageOf } from '../../errors.ts';
import { ByteRanges, type ByteRange } from './byte-ranges.ts';
import { diskError, openToWrite } from './disk.ts';
import { readJournal, removeJournal, writeJournal } from './journal.ts';
import { SourceChanged, type Opened, type RemoteFile } from './remote-file.ts';

export interface TransferOptions {
  /** Requests for one file at once. */
  readonly connections: number;
  /** Bytes that one request asks for. */
  readonly segmentBytes: number;
  /** A request that brings next to nothing for so long is given up, milliseconds. */
  readonly stallMs: number;
  /** Failures in a row, without bytes between them, after which the pull fails. */
  readonly attempts: number;
  /** Before the second try, milliseconds; doubles each time. */
  readonly retryMs: number;
}

/** Less than this between two looks is a stall. */
const STALL_BYTES = 1024;
/** A request that brought this much was no failure, however often a server hangs up. */
const PROGRESS_BYTES = 16 * 1024;
const MAX_RETRY_MS = 30_000;
const SOON_MS = 50;
/** How much of the work a crash can lose. */
const CHECKPOINT_MS = 1000;

/**
 * A file on its way: fetched in parallel ranges, resumed where it stopped, also by another process. What the journal
 * says is there was flushed to the disk before.
 */
export class PartFile {
  readonly #remote: RemoteFile;
  readonly #path: string;
  readonly #options: TransferOptions;
  readonly #onBytes: () => void;
  #ranges = new ByteRanges();
  #validator: string | null = null;
  #sizeBytes: number | null;
  /** Null before the first answer. */
  #acceptsRanges: boolean | null = null;
  #failures = 0;
  #restarts = 0;
  #checkpointed: Promise<void> = Promise.resolve();
  #checkpointedAt = 0;
  #checkpointError: MixgateError | null = null;

  constructor(remote: RemoteFile, path: string, options: TransferOptions, onBytes: () => void) {
    this.#remote = remote;
    this.#path = path;
    this.#options = options;
    this.#onBytes = onBytes;
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
    const workers = Array.from({ length: Math.min(this.#options.connections, segments.length) }, worker);
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
      this.#failures = 0;
    } catch (error) {
      signal.throwIfAborted();
      if (progress.at < segment[1]) segments.push([progress.at, segment[1]]);
      await this.#recover(error, progress.at - segment[0] >= PROGRESS_BYTES, signal);
    }
  }

  async #recover(error: unknown, hasBrought: boolean, signal: AbortSignal): Promise<void> {
    const failure = asMixgateError(error);
    if (failure.code !== 'SOURCE_UNAVAILABLE') throw error;
    const { attempts, connections, retryMs } = this.#options;
    // Requests that run at once fail at once: that is one failure of the source.
    this.#failures = hasBrought ? 0 : this.#failures + 1 / connections;
    if (this.#failures >= attempts) throw failure;
    const pause = hasBrought ? SOON_MS : Math.min(MAX_RETRY_MS, retryMs * 2 ** Math.floor(this.#failures));
    await delay(Math.max(pause, Number(failure.data['retryAfterMs'] ?? 0)), undefined, { signal });
  }

  /** Begins anew with the version that is there now, once. */
  async #restart(): Promise<void> {
    if (this.#restarts++ > 0)
      throw new MixgateError(
        'SOURCE_UNAVAILABLE',
        `${this.#remote.name} keeps changing at its source: try again later.`,
      );
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
    const watchdog = new AbortController();
    const timer = this.#watch(progress, watchdog);
    const either = AbortSignal.any([signal, watchdog.signal]);
    try {
      const range = { start, end: end === Infinity ? null : end };
      const opened = await this.#remote.open(range, this.#validator, either);
      const cut = () => opened.body.destroy(either.reason as Error);
      either.addEventListener('abort', cut, { once: true });
      try {
        await this.#take(file, opened, { end, progress });
      } finally {
        either.removeEventListener('abort', cut);
        opened.body.destroy();
      }
    } catch (error) {
      signal.throwIfAborted();
      throw watchdog.signal.aborted ? watchdog.signal.reason : this.#fetchFailed(error);
    } finally {
      clearInterval(timer);
    }
  }

  #watch(progress: { at: number }, watchdog: AbortController): NodeJS.Timeout {
    let before = progress.at;
    const { stallMs } = this.#options;
    return setInterval(() => {
      const message = `${this.#remote.name} stalled: next to nothing came for ${stallMs} ms. Try again later.`;
      if (progress.at - before < STALL_BYTES) watchdog.abort(new MixgateError('SOURCE_UNAVAILABLE', message));
      before = progress.at;
    }, stallMs);
  }

  async #take(
    file: FileHandle,
    { body, start, sizeBytes, validator, acceptsRanges }: Opened,
    { end, progress }: { end: number; progress: { at: number } },
  ): Promise<void> {
    this.#checkSize(sizeBytes);
    this.#validator = validator;
    this.#acceptsRanges = acceptsRanges;
    if (!acceptsRanges) this.#ranges = new ByteRanges();
    progress.at = start;
    const most = acceptsRanges ? end : (this.#sizeBytes ?? Infinity);
    for await (const chunk of body as AsyncIterable<Buffer>) {
      const bytes = chunk.subarray(0, most - progress.at);
      await this.#write(file, bytes, progress.at);
      this.#ranges.add([progress.at, progress.at + bytes.length]);
      progress.at += bytes.length;
      this.#onBytes();
      this.#checkpointSometimes(file);
      if (progress.at >= most) break;
    }
    // Without a length the end is the end.
    if (this.#sizeBytes === null) this.#sizeBytes = progress.at;
    const wanted = Math.min(most, this.#sizeBytes);
    if (progress.at < wanted)
      throw new MixgateError(
        'SOURCE_UNAVAILABLE',
        `${this.#remote.name} was cut at ${progress.at} of ${wanted} bytes.`,
      );
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

  /** What ends a body is the network's fault, unless it has a code of ours. */
  #fetchFailed(error: unknown): unknown {
    if (error instanceof MixgateError || error instanceof SourceChanged) return error;
    return new MixgateError('SOURCE_UNAVAILABLE', `${this.#remote.name} was cut: ${messageOf(error)}.`);
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
        await writeJournal(this.#path, { name: this.#remote.name, sizeBytes, validator, ranges });
      } catch (error) {
        throw diskError(error, this.#path);
      }
    });
    this.#checkpointed = next.catch(() => undefined);
    return next;
  }

  /** Takes up what an earlier run left, where it is of the same file. */
  #restore(): void {
    const journal = readJournal(this.#path);
    if (journal?.name !== this.#remote.name) return;
    const isSame =
      this.#sizeBytes === null || journal.sizeBytes === null || journal.sizeBytes === this.#sizeBytes;
    // Without a validator or a digest nobody could tell that the rest is of another version.
    const isTellable = journal.validator !== null || this.#remote.digest !== null;
    if (!isSame || !isTellable) return;
    this.#ranges = new ByteRanges(journal.ranges);
    this.#validator = journal.validator;
    this.#sizeBytes ??= journal.sizeBytes;
  }
}

import type { ErrorCode } from '../../errors.ts';
import { shown, type Source } from './source.ts';
import type { ModelSettings } from '../model-settings.ts';
import { Rate } from './rate.ts';

export type PullState = 'QUEUED' | 'DOWNLOADING' | 'VERIFYING' | 'COMPLETED' | 'FAILED' | 'CANCELLED';

export interface PullError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
}

/** A pull as it is told. Bytes. */
export interface PullView {
  readonly id: string;
  /** As it was asked for, in its shortest form. */
  readonly source: string;
  readonly state: PullState;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
  readonly receivedBytes: number;
  /** Null until the source has told. */
  readonly totalBytes: number | null;
  /** Of `totalBytes`, in state VERIFYING. */
  readonly verifiedBytes: number;
  /** Over the last seconds; null while nothing is received. */
  readonly bytesPerSecond: number | null;
  readonly secondsLeft: number | null;
  readonly error: PullError | null;
  readonly files: readonly PulledFile[];
  /** Why these quantizations. */
  readonly reasons: readonly string[];
  /** Known as soon as the headers are. */
  readonly variantIds: readonly string[];
}

export interface PulledFile {
  readonly name: string;
  readonly sizeBytes: number | null;
  readonly receivedBytes: number;
}

/** What is written down, so that a pull goes on after a restart. */
export interface PullRecord {
  readonly id: string;
  readonly source: string;
  /** Of the one file, or by file name. */
  readonly sha256: string | Readonly<Record<string, string>> | null;
  /** What its models are set to once it is complete. */
  readonly settings: ModelSettings | null;
  readonly createdAt: number;
  readonly finishedAt: number | null;
  readonly state: PullState;
  readonly error: PullError | null;
  /** Names of the first files of what was chosen; null before that. A later choice could be another. */
  readonly chosen: readonly string[] | null;
  readonly reasons: readonly string[];
}

export const ENDED: ReadonlySet<PullState> = new Set(['COMPLETED', 'FAILED', 'CANCELLED']);

type Progress = Pick<PullView, 'verifiedBytes' | 'variantIds' | 'files' | 'totalBytes'>;
const NO_PROGRESS: Progress = { verifiedBytes: 0, variantIds: [], files: [], totalBytes: null };

/** One pull and who watches it. */
export class Pull {
  readonly source: Source;
  /** Aborts when it is cancelled, or when the gateway stops. */
  readonly controller = new AbortController();
  readonly #now: () => number;
  readonly #rate: Rate;
  #record: PullRecord;
  #progress = NO_PROGRESS;
  #waiting = new Set<() => void>();

  /** Taken up from an earlier run, and not asked for in this one. */
  readonly isResumed: boolean;

  constructor(
    record: PullRecord,
    source: Source,
    { now, isResumed }: { readonly now: () => number; readonly isResumed: boolean },
  ) {
    this.#record = record;
    this.source = source;
    this.isResumed = isResumed;
    this.#now = now;
    this.#rate = new Rate(now);
  }

  get id(): string {
    return this.#record.id;
  }
  get record(): PullRecord {
    return this.#record;
  }
  get hasEnded(): boolean {
    return ENDED.has(this.#record.state);
  }

  view(): PullView {
    const { id, state, createdAt, finishedAt, error, reasons } = this.#record;
    const source = shown(this.source);
    const { files, totalBytes } = this.#progress;
    const receivedBytes = files.reduce((sum, file) => sum + file.receivedBytes, 0);
    const bytesPerSecond = state === 'DOWNLOADING' ? this.#rate.perSecond(receivedBytes) : null;
    const left = totalBytes === null ? null : totalBytes - receivedBytes;
    return {
      ...this.#progress,
      ...{ id, source, state, error, reasons, receivedBytes, bytesPerSecond },
      secondsLeft:
        left === null || bytesPerSecond === null || bytesPerSecond === 0 ? null : left / bytesPerSecond,
      createdAt: new Date(createdAt),
      finishedAt: finishedAt === null ? null : new Date(finishedAt),
    };
  }

  /** Of one that failed, too: what it kept is thrown away. */
  cancel(): void {
    this.#end({ state: 'CANCELLED', error: null });
  }

  /** What has ended does not change any more. */
  change(record: Partial<Omit<PullRecord, 'id' | 'source'>>): void {
    if (this.hasEnded) return;
    if (record.state !== undefined && ENDED.has(record.state)) return this.#end(record);
    this.#record = { ...this.#record, ...record };
    this.#tell();
  }

  #end(record: Partial<PullRecord>): void {
    this.#record = { ...this.#record, ...record, finishedAt: this.#now() };
    this.#tell();
  }

  progress(progress: Partial<Progress>): void {
    this.#progress = { ...this.#progress, ...progress };
    this.#rate.note(this.#progress.files.reduce((sum, file) => sum + file.receivedBytes, 0));
    this.#tell();
  }

  /** Resolves at the next change, or when the signal aborts. */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      if (signal.aborted) return resolve();
      this.#waiting.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  #tell(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}

import { messageOf, MixgateError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { HistoryChange, HistoryStore, Retention } from './history-store.ts';

export interface HistoryOptions {
  /** Opens the database and brings its schema up to date. Null: nothing is kept. */
  readonly open: (() => Promise<HistoryStore>) | null;
  /** How long entries are kept, milliseconds, and of what size together; null: without limit. */
  readonly keep: { readonly ms: number | null; readonly bytes: number | null };
  /** Changes that may wait for a database that is away: how many, and of what size together. More: the oldest are lost. */
  readonly pending: { readonly count: number; readonly bytes: number };
  /** Pause after a failure, milliseconds; doubles each time. */
  readonly retryMs: { readonly first: number; readonly most: number };
  /** Between two looks at what is too old or too much, milliseconds. */
  readonly sweepMs: number;
  readonly log: Log;
  readonly now: () => number;
}

/** Something that is to be stored. */
interface Pending {
  readonly sizeBytes: number;
  /** Taken when it is written: until then it may change. */
  readonly change: () => HistoryChange;
  /** What the change is of, to be found until it is written. */
  readonly subject: unknown;
}

export interface HistoryStatus {
  readonly isOn: boolean;
  /** Why the database cannot be used now; null where it can, or was not yet. */
  readonly problem: string | null;
  /** Changes that wait to be written. */
  readonly pending: number;
  /** Changes that were never written, since the start. */
  readonly lost: number;
}

/** Changes of one transaction. */
const BATCH = 50;
/** How long shutting down waits for the database, milliseconds. */
const CLOSE_MS = 5000;

/**
 * What is kept beyond memory. Writing happens behind: nobody waits for the database, and one that is away, slow or full
 * stops nothing. What could not be written waits, within limits, and is written when the database is back.
 */
export class History {
  readonly #options: HistoryOptions;
  /** By kind and id, oldest first. */
  readonly #pending = new Map<string, Pending>();
  #pendingBytes = 0;
  #lost = 0;
  #problem: string | null = null;
  #store: Promise<HistoryStore> | null = null;
  #writing: Promise<void> | null = null;
  #retryTimer: NodeJS.Timeout | undefined;
  #retryMs: number;
  #sweepTimer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: HistoryOptions) {
    this.#options = options;
    this.#retryMs = options.retryMs.first;
  }

  get isOn(): boolean {
    return this.#options.open !== null;
  }

  status(): HistoryStatus {
    const { isOn } = this;
    return { isOn, problem: this.#problem, pending: this.#pending.size, lost: this.#lost };
  }

  /** To be written soon. What has the same kind and id and was not yet written is replaced. */
  save(kind: HistoryChange['kind'], id: string, pending: Pending): void {
    if (!this.isOn || this.#isClosed) return;
    this.#forget(kind, id);
    this.#pending.set(keyOf(kind, id), pending);
    this.#pendingBytes += pending.sizeBytes;
    this.#dropOldest();
    if (this.#retryTimer === undefined) this.#write();
  }

  /** What is not written yet. */
  pending<Subject>(kind: HistoryChange['kind'], id: string): Subject | null {
    return (this.#pending.get(keyOf(kind, id))?.subject as Subject | undefined) ?? null;
  }

  allPending<Subject>(kind: HistoryChange['kind']): Subject[] {
    return [...this.#pending]
      .filter(([key]) => key.startsWith(`${kind}:`))
      .map(([, { subject }]) => subject as Subject);
  }

  /**
   * Asks the database; `nothing` where history is off.
   * @throws HISTORY_UNAVAILABLE
   */
  async ask<Answer>(query: (store: HistoryStore) => Promise<Answer>, nothing: Answer): Promise<Answer> {
    if (!this.isOn) return nothing;
    try {
      const answer = await query(await this.#opened());
      this.#recovered();
      return answer;
    } catch (error) {
      this.#failed(error);
      throw new MixgateError(
        'HISTORY_UNAVAILABLE',
        `The history cannot be read now (${messageOf(error)}): what is running goes on; see the gateway's log.`,
        {},
        { cause: error },
      );
    }
  }

  /** Also what is not written yet. Whether there was one. @throws HISTORY_UNAVAILABLE */
  async remove(kind: HistoryChange['kind'], id: string): Promise<boolean> {
    const wasPending = this.#forget(kind, id);
    await this.#writing;
    return (await this.ask((store) => store.remove(kind, id), false)) || wasPending;
  }

  /** Removes what was created before, milliseconds since 1970; how many. @throws HISTORY_UNAVAILABLE */
  async clear(before: number): Promise<number> {
    // What waits is written first, so that it goes with the rest.
    this.#write();
    await this.#writing;
    return this.ask((store) => store.sweep({ before, maxBytes: null }), 0);
  }

  /** From now on what is too old or too much goes. */
  start(): void {
    if (!this.isOn || this.#isClosed) return;
    const sweep = () => void this.sweep().catch(() => undefined); // Reported where it failed.
    this.#sweepTimer = setInterval(sweep, this.#options.sweepMs).unref();
    sweep();
  }

  /** Removes what is too old or too much; how many. @throws HISTORY_UNAVAILABLE */
  async sweep(): Promise<number> {
    const { keep, now, log } = this.#options;
    const retention: Retention = {
      before: keep.ms === null ? null : now() - keep.ms,
      maxBytes: keep.bytes,
    };
    if (retention.before === null && retention.maxBytes === null) return 0;
    const removed = await this.ask((store) => store.sweep(retention), 0);
    if (removed > 0) log.info('history.swept', { removed });
    return removed;
  }

  /** Writes what is left, if the database takes it in time. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#sweepTimer);
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    const last = this.#writing ?? Promise.resolve();
    await within(
      CLOSE_MS,
      last.then(() => this.#writeAll()),
    );
    if (this.#pending.size > 0) this.#options.log.error('history.lost', { changes: this.#pending.size });
    const store = await within(CLOSE_MS, this.#store?.catch(() => null) ?? Promise.resolve(null));
    await within(CLOSE_MS, store?.close() ?? Promise.resolve());
  }

  #write(): void {
    this.#writing ??= this.#writeAll().finally(() => (this.#writing = null));
  }

  /** Ends when nothing is pending or the database cannot be used; then it is tried again later. */
  async #writeAll(): Promise<void> {
    while (this.#pending.size > 0) {
      // What ends at the same time is written together.
      await Promise.resolve();
      const batch = [...this.#pending].slice(0, BATCH);
      try {
        await this.#writeBatch(await this.#opened(), batch);
        this.#recovered();
      } catch (error) {
        this.#failed(error);
        this.#retryLater();
        return;
      }
    }
  }

  /** Together, or else one by one: what alone cannot be written while others can is given up. @throws where none can */
  async #writeBatch(store: HistoryStore, batch: readonly [string, Pending][]): Promise<void> {
    try {
      await store.save(batch.map(([, { change }]) => change()));
      this.#written(batch);
      return;
    } catch (error) {
      if (batch.length === 1) throw error;
    }
    const failures: { readonly one: [string, Pending]; readonly error: unknown }[] = [];
    for (const one of batch)
      try {
        await store.save([one[1].change()]);
        this.#written([one]);
      } catch (error) {
        failures.push({ one, error });
      }
    if (failures.length === batch.length) throw failures[0]!.error;
    for (const { one, error } of failures) {
      this.#options.log.error('history.refused', { entry: one[0], reason: messageOf(error) });
      this.#written([one]);
      this.#lost++;
    }
  }

  /** Unless it was replaced meanwhile. */
  #written(batch: readonly [string, Pending][]): void {
    for (const [key, pending] of batch) {
      if (this.#pending.get(key) !== pending) continue;
      this.#pending.delete(key);
      this.#pendingBytes -= pending.sizeBytes;
    }
  }

  #forget(kind: HistoryChange['kind'], id: string): boolean {
    const pending = this.#pending.get(keyOf(kind, id));
    if (pending === undefined) return false;
    this.#written([[keyOf(kind, id), pending]]);
    return true;
  }

  #dropOldest(): void {
    const { count, bytes } = this.#options.pending;
    while (this.#pending.size > count || (this.#pendingBytes > bytes && this.#pending.size > 1)) {
      const [oldest] = this.#pending;
      this.#written([oldest!]);
      if (this.#lost++ === 0)
        this.#options.log.error('history.overflow', { entry: oldest![0], pending: this.#pending.size });
    }
  }

  #opened(): Promise<HistoryStore> {
    this.#store ??= this.#options.open!().catch((error: unknown) => {
      this.#store = null;
      throw error;
    });
    return this.#store;
  }

  #recovered(): void {
    this.#retryMs = this.#options.retryMs.first;
    if (this.#problem === null) return;
    this.#problem = null;
    this.#options.log.info('history.available', { pending: this.#pending.size });
    if (this.#retryTimer === undefined) return;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    this.#write();
  }

  /** Said once, until it works again or something else is wrong. */
  #failed(error: unknown): void {
    const reason = messageOf(error);
    if (reason !== this.#problem)
      this.#options.log.error('history.unavailable', { reason, pending: this.#pending.size });
    this.#problem = reason;
  }

  #retryLater(): void {
    if (this.#isClosed) return;
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined;
      this.#write();
    }, this.#retryMs).unref();
    this.#retryMs = Math.min(2 * this.#retryMs, this.#options.retryMs.most);
  }
}

const keyOf = (kind: HistoryChange['kind'], id: string): string => `${kind}:${id}`;

/** Null when it takes longer. */
async function within<Value>(ms: number, work: Promise<Value>): Promise<Value | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => (timer = setTimeout(resolve, ms, null)));
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

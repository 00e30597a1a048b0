import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import pLimit from 'p-limit';
import { asMixgateError, MixgateError } from '../../errors.ts';
import { freeBytes, usedBytes } from './disk.ts';
import { ENDED, Pull, type PullRecord, type PullView } from './pull.ts';
import { LOCK_WAIT_MS, PullStore } from './pull-store.ts';
import { runPull, type RunPullServices } from './run-pull.ts';
import { allowedSource, canonical, parseSource, type Source } from './source.ts';

export interface PullsOptions extends RunPullServices {
  /** Schemes that sources may have. */
  readonly schemes: readonly Source['scheme'][];
  /** Pulls that run at once; more wait. */
  readonly atOnce: number;
  readonly now: () => number;
}

/** Bytes. */
export interface DiskUse {
  /** Parts of unfinished pulls included. */
  readonly usedBytes: number;
  readonly freeBytes: number;
  readonly budgetBytes: number | null;
}

const MAX_WAITING = 100;
/** Ended pulls that can still be looked at. */
const KEPT = 100;
const EVENT_MS = 100;
const SHA256 = /^[0-9a-f]{64}$/i;

/** Brings weights into the models folder. */
export class Pulls {
  readonly #options: PullsOptions;
  readonly #store: PullStore;
  readonly #closing = new AbortController();
  readonly #limit: ReturnType<typeof pLimit>;
  /** By id, oldest first. */
  readonly #pulls = new Map<string, Pull>();
  readonly #running = new Map<string, Promise<void>>();
  #isClosed = false;
  /** Called when a pull is complete. */
  onCompleted: () => void = () => undefined;

  constructor(options: PullsOptions) {
    this.#options = options;
    this.#store = new PullStore(options.transfer.modelsFolder);
    this.#limit = pLimit(options.atOnce);
  }

  /** Goes on with what was under way when the gateway last stopped, and shows what failed. */
  async resume(): Promise<void> {
    const { now } = this.#options;
    await this.#store.clean(now());
    for (const record of this.#store.records(now())) {
      const pull = new Pull(record, parseSource(record.source), now);
      this.#pulls.set(pull.id, pull);
      if (pull.hasEnded) continue;
      try {
        this.#parse(record.source);
        this.#run(pull);
      } catch (error) {
        this.#fail(pull, error); // Not allowed any more.
      }
    }
  }

  /**
   * Starts, and returns at once. The same source while it is under way is the same pull; after a failure it goes on.
   * @throws INVALID_INPUT, FORBIDDEN, QUEUE_FULL; BACKEND_UNAVAILABLE while the gateway stops
   */
  start(text: string, { sha256 = null, settings = null }: Partial<PullWishes> = {}): Pull {
    if (this.#isClosed)
      throw new MixgateError('BACKEND_UNAVAILABLE', 'The gateway is shutting down: try again soon.');
    const source = this.#parse(text);
    if (sha256 !== null) checkDigest(source, sha256);
    const id = createHash('sha256').update(canonical(source)).digest('hex').slice(0, 16);
    const before = this.#pulls.get(id);
    if (before !== undefined && (this.#running.has(id) || !before.hasEnded)) {
      if (sha256 === null || isDeepStrictEqual(sha256, before.record.sha256)) return before;
      throw new MixgateError(
        'IN_USE',
        `${before.record.source} is being pulled with another hash: cancel that first.`,
      );
    }
    if (this.#limit.pendingCount >= MAX_WAITING)
      throw new MixgateError('QUEUE_FULL', `${MAX_WAITING} pulls are waiting already: try again later.`);
    const pull = new Pull(this.#recordFor(id, source, { sha256, settings }), source, this.#options.now);
    this.#pulls.delete(id);
    this.#pulls.set(id, pull);
    this.#forgetOld();
    this.#run(pull);
    return pull;
  }

  /** Whether a source may be pulled at all. @throws INVALID_INPUT, FORBIDDEN */
  check(text: string): void {
    this.#parse(text);
  }

  /** @throws NOT_FOUND */
  get(id: string): Pull {
    const pull = this.#pulls.get(id);
    if (pull !== undefined) return pull;
    throw new MixgateError('NOT_FOUND', `There is no pull ${id}: it never was, or ended too long ago.`);
  }

  /** Newest first. */
  list(): readonly PullView[] {
    return [...this.#pulls.values()].reverse().map((pull) => pull.view());
  }

  /** Cancels, throws away what was fetched (of one that failed, too), and resolves when that is done. @throws NOT_FOUND, IN_USE */
  async cancel(id: string): Promise<PullView> {
    const pull = this.get(id);
    pull.controller.abort(new Cancelled());
    await this.#running.get(id);
    if (pull.record.state === 'FAILED') {
      await this.#store.locked(id, LOCK_WAIT_MS, () => this.#store.remove(id));
      pull.change({ state: 'CANCELLED' });
    }
    return pull.view();
  }

  /** The pull as it is, then at every change (at most ten times a second), until it has ended. @throws NOT_FOUND */
  async *events(id: string, signal: AbortSignal = this.#closing.signal): AsyncGenerator<PullView> {
    const pull = this.get(id);
    while (!signal.aborted) {
      const changed = pull.changed(signal);
      const view = pull.view();
      yield view;
      if (ENDED.has(view.state)) return;
      await changed;
      await delay(EVENT_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Of the folder that pulls go to. Bytes. */
  async diskUse(): Promise<DiskUse> {
    const { modelsFolder, diskBudgetBytes } = this.#options.transfer;
    await mkdir(modelsFolder, { recursive: true });
    const [used, free] = await Promise.all([usedBytes(modelsFolder), freeBytes(modelsFolder)]);
    return { usedBytes: used, freeBytes: free, budgetBytes: diskBudgetBytes };
  }

  /** Stops what runs, keeping what was fetched for the next start. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#closing.abort();
    for (const pull of this.#pulls.values()) pull.controller.abort(new Stopped());
    await Promise.all(this.#running.values());
  }

  #parse(text: string): Source {
    const { schemes, hub } = this.#options;
    return allowedSource(text, { schemes, check: (url) => hub.http.check(url) });
  }

  /** One that failed before keeps what it has chosen and fetched. */
  #recordFor(id: string, source: Source, wishes: PullWishes): PullRecord {
    const before =
      this.#pulls.get(id)?.record ?? this.#store.records(this.#options.now()).find((each) => each.id === id);
    const isContinued = before !== undefined && !['COMPLETED', 'CANCELLED'].includes(before.state);
    const about = { id, source: canonical(source), ...wishes, createdAt: this.#options.now() };
    const chosen = isContinued ? before.chosen : null;
    return {
      ...about,
      state: 'QUEUED',
      finishedAt: null,
      error: null,
      chosen,
      reasons: isContinued ? before.reasons : [],
    };
  }

  #run(pull: Pull): void {
    const { id } = pull;
    const running = this.#limit(() => this.#guarded(pull)).finally(() => this.#running.delete(id));
    this.#running.set(id, running);
    // Waiting in line, it must not wait for its turn to be cancelled.
    pull.controller.signal.addEventListener('abort', () => {
      if (pull.record.state === 'QUEUED' && pull.controller.signal.reason instanceof Cancelled)
        pull.change({ state: 'CANCELLED' });
    });
  }

  async #guarded(pull: Pull): Promise<void> {
    const { log, catalog } = this.#options;
    const { id } = pull;
    const { source } = pull.record;
    try {
      if (pull.hasEnded) return await this.#store.remove(id);
      await mkdir(this.#options.transfer.modelsFolder, { recursive: true });
      await this.#store.locked(id, LOCK_WAIT_MS, async (lost) => {
        await this.#guardedWork(pull, AbortSignal.any([pull.controller.signal, lost]));
        if (pull.record.state !== 'FAILED' && pull.hasEnded) await this.#store.remove(id);
      });
    } catch (error) {
      this.#fail(pull, error);
    } finally {
      catalog.elsewhere.announce(`pull ${id}`, 'PULLING', []);
      const { state, error } = pull.record;
      log.info('pull.ended', { pull: id, source, state, reason: error?.message ?? null });
    }
  }

  async #guardedWork(pull: Pull, signal: AbortSignal): Promise<void> {
    try {
      await runPull(pull, this.#store, this.#options, signal);
      this.onCompleted();
    } catch (error) {
      if (signal.reason instanceof Stopped) return; // Its record says that it is under way.
      if (signal.reason instanceof Cancelled) pull.change({ state: 'CANCELLED' });
      else {
        this.#fail(pull, error);
        // On a full disk there is no room to write down why: then the next start tries again.
        await this.#store.save(pull.record).catch(() => undefined);
      }
    }
  }

  #fail(pull: Pull, error: unknown): void {
    if (pull.hasEnded) return;
    const { code, message, retryable } = asMixgateError(error);
    if (code === 'INTERNAL') this.#options.log.error('pull.failed', { pull: pull.id, message });
    pull.change({ state: 'FAILED', error: { code, message, retryable } });
  }

  #forgetOld(): void {
    for (const [id, pull] of this.#pulls) {
      if (this.#pulls.size <= KEPT) return;
      if (pull.hasEnded) this.#pulls.delete(id);
    }
  }
}

/** What is asked of a pull besides its source. */
export type PullWishes = Pick<PullRecord, 'sha256' | 'settings'>;

class Cancelled extends Error {}
class Stopped extends Error {}

/** @throws INVALID_INPUT */
function checkDigest(source: Source, sha256: NonNullable<PullWishes['sha256']>): void {
  if (typeof sha256 !== 'string') return Object.values(sha256).forEach(checkHex);
  checkHex(sha256);
  if (source.scheme === 'hf' && source.file === null)
    throw new MixgateError(
      'INVALID_INPUT',
      'sha256: a repository has several files; name one of them (hf:owner/repo/file.gguf).',
    );
}

function checkHex(sha256: string): void {
  if (!SHA256.test(sha256)) throw new MixgateError('INVALID_INPUT', 'sha256: must be 64 hexadecimal digits.');
}

import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { asMixgateError, MixgateError } from '../../errors.ts';
import type { DiskUse } from './disk-room.ts';
import { ENDED, Pull, type PullRecord, type PullState, type PullView } from './pull.ts';
import { LOCK_WAIT_MS, PullStore } from './pull-store.ts';
import { runPull, type RunPullServices } from './run-pull.ts';
import { allowedSource, canonical, parseSource, shown, type Source } from './source.ts';

export interface PullsOptions extends RunPullServices {
  /** Schemes that sources may have. */
  readonly schemes: readonly Source['scheme'][];
  /** Pulls that run at once; more wait. */
  readonly atOnce: number;
  readonly now: () => number;
}

/** What is asked of a pull besides its source. */
export type PullWishes = Pick<PullRecord, 'sha256' | 'settings'>;

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
  /** By id, oldest first. */
  readonly #pulls = new Map<string, Pull>();
  #waiting: Pull[] = [];
  /** By id, until nothing of it runs any more. */
  readonly #running = new Map<string, Promise<void>>();
  /** Called when a pull is complete. */
  onCompleted: () => void = () => undefined;
  /** Called when a pull has ended, with its state. */
  onEnded: (state: PullState) => void = () => undefined;

  constructor(options: PullsOptions) {
    this.#options = options;
    this.#store = new PullStore(options.transfer.modelsFolder);
  }

  /** Goes on with what was under way when the gateway last stopped, and shows what failed. */
  async resume(): Promise<void> {
    const { now } = this.#options;
    await this.#store.clean(now());
    for (const record of this.#store.records(now())) {
      const pull = new Pull(record, parseSource(record.source), { now, isResumed: true });
      this.#pulls.set(pull.id, pull);
      if (pull.hasEnded) continue;
      try {
        this.#parse(record.source);
        this.#enqueue(pull);
      } catch (error) {
        this.#fail(pull, error); // Not allowed any more.
      }
    }
  }

  /**
   * Starts, and returns as soon as that is written down: from then on it survives a restart. The same source while it
   * is under way is the same pull; after a failure it goes on, with the hash and the settings that were asked for
   * before where none are now.
   * @throws INVALID_INPUT, FORBIDDEN, QUEUE_FULL, DISK_FULL; IN_USE with another hash; BACKEND_UNAVAILABLE while the gateway stops
   */
  async start(text: string, { sha256 = null, settings = null }: Partial<PullWishes> = {}): Promise<Pull> {
    if (this.#closing.signal.aborted)
      throw new MixgateError('BACKEND_UNAVAILABLE', 'The gateway is shutting down: try again soon.');
    const source = this.#parse(text);
    if (sha256 !== null) checkDigest(source, sha256);
    const id = idOf(source);
    const before = this.#pulls.get(id);
    if (before !== undefined && !before.hasEnded) return await this.#join(before, { sha256, settings });
    if (this.#waiting.length >= MAX_WAITING)
      throw new MixgateError('QUEUE_FULL', `${MAX_WAITING} pulls are waiting already: try again later.`);
    const { now } = this.#options;
    const pull = new Pull(this.#recordFor(id, source, { sha256, settings }), source, {
      now,
      isResumed: false,
    });
    this.#pulls.delete(id);
    this.#pulls.set(id, pull);
    this.#forgetOld();
    try {
      await this.#store.announce(pull.record);
    } catch (error) {
      this.#fail(pull, error);
      throw error;
    }
    // It may have been cancelled meanwhile.
    if (!pull.hasEnded) this.#enqueue(pull);
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

  /** Cancels, throws away what was fetched (of one that failed, too), and resolves when that is done. @throws NOT_FOUND */
  async cancel(id: string): Promise<PullView> {
    const pull = this.get(id);
    const isIdle = this.#waiting.includes(pull) || !this.#running.has(id);
    this.#waiting = this.#waiting.filter((each) => each !== pull);
    pull.controller.abort(new Cancelled());
    if (!isIdle) await this.#running.get(id);
    if (pull.record.state === 'COMPLETED' || pull.record.state === 'CANCELLED') return pull.view();
    pull.cancel();
    // What another process works on is that one's.
    await this.#store.locked(id, 0, () => this.#store.remove(id)).catch(() => undefined);
    this.#logEnd(pull);
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

  /** Of the folder that pulls go to. */
  diskUse(): Promise<DiskUse> {
    return this.#options.transfer.room.use();
  }

  /** Stops what runs, keeping what was fetched for the next start. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#waiting = [];
    for (const pull of this.#pulls.values()) pull.controller.abort(new Stopped());
    await Promise.all(this.#running.values());
  }

  #parse(text: string): Source {
    const { schemes, hub } = this.#options;
    return allowedSource(text, { schemes, check: (url) => hub.http.check(url) });
  }

  /** @throws IN_USE where it was started with another hash */
  async #join(pull: Pull, { sha256, settings }: PullWishes): Promise<Pull> {
    const { record } = pull;
    if (sha256 !== null && !isDeepStrictEqual(sha256, record.sha256))
      throw new MixgateError(
        'IN_USE',
        `${pull.view().source} is being pulled with another hash: cancel that first.`,
      );
    if (settings === null) return pull;
    pull.change({ settings });
    // Written down like the rest of what is asked of it.
    if (this.#running.has(pull.id)) await this.#store.save(pull.record);
    else await this.#store.announce(pull.record);
    return pull;
  }

  #recordFor(id: string, source: Source, { sha256, settings }: PullWishes): PullRecord {
    const { now } = this.#options;
    const before = this.#pulls.get(id)?.record ?? this.#store.records(now()).find((each) => each.id === id);
    const continued =
      before === undefined || before.state === 'COMPLETED' || before.state === 'CANCELLED' ? null : before;
    return {
      id,
      source: canonical(source),
      sha256: sha256 ?? continued?.sha256 ?? null,
      settings: settings ?? continued?.settings ?? null,
      createdAt: now(),
      finishedAt: null,
      state: 'QUEUED',
      error: null,
      chosen: continued?.chosen ?? null,
      reasons: continued?.reasons ?? [],
    };
  }

  #enqueue(pull: Pull): void {
    this.#waiting.push(pull);
    this.#pump();
  }

  /** Runs whose turn it is; of one id only one at a time. */
  #pump(): void {
    while (this.#running.size < this.#options.atOnce) {
      const next = this.#waiting.find(({ id }) => !this.#running.has(id));
      if (next === undefined) return;
      this.#waiting = this.#waiting.filter((each) => each !== next);
      const running = this.#turn(next).finally(() => {
        this.#running.delete(next.id);
        this.#pump();
      });
      this.#running.set(next.id, running);
    }
  }

  async #turn(pull: Pull): Promise<void> {
    const { id, controller } = pull;
    try {
      const work = (lost: AbortSignal) => this.#work(pull, lost);
      await this.#store.locked(id, LOCK_WAIT_MS, work, controller.signal);
    } catch (error) {
      if (controller.signal.reason instanceof Cancelled) pull.cancel();
      else if (!(controller.signal.reason instanceof Stopped)) this.#fail(pull, error);
    } finally {
      this.#options.catalog.elsewhere.announce(`pull ${id}`, 'PULLING', []);
      if (pull.hasEnded) this.#logEnd(pull);
    }
  }

  /** While no other process works on it; `lost` aborts when that is no longer sure. */
  async #work(pull: Pull, lost: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([pull.controller.signal, lost]);
    if (pull.isResumed && !this.#store.has(pull.id)) {
      // Another process has ended it while this one waited.
      this.#pulls.delete(pull.id);
      return pull.cancel();
    }
    try {
      await runPull(pull, this.#store, this.#options, signal);
      this.onCompleted();
    } catch (error) {
      if (signal.reason instanceof Stopped) return; // Its record says that it is under way.
      if (signal.reason instanceof Cancelled) pull.cancel();
      else this.#fail(pull, error);
    }
    if (lost.aborted) return;
    if (pull.record.state !== 'FAILED') await this.#store.remove(pull.id);
    // On a full disk there is no room to write down why: then the next start tries again.
    else await this.#store.save(pull.record).catch(() => undefined);
  }

  #fail(pull: Pull, error: unknown): void {
    if (pull.hasEnded) return;
    const { code, message, retryable } = asMixgateError(error);
    if (code === 'INTERNAL') this.#options.log.error('pull.failed', { pull: pull.id, message });
    pull.change({ state: 'FAILED', error: { code, message, retryable } });
  }

  #logEnd({ id, source, record }: Pull): void {
    const { state, error } = record;
    this.onEnded(state);
    this.#options.log.info('pull.ended', {
      pull: id,
      source: shown(source),
      state,
      reason: error?.message ?? null,
    });
  }

  #forgetOld(): void {
    for (const [id, pull] of this.#pulls) {
      if (this.#pulls.size <= KEPT) return;
      if (pull.hasEnded) this.#pulls.delete(id);
    }
  }
}

class Cancelled extends Error {}
class Stopped extends Error {}

/** The same source has the same id, in every process. */
const idOf = (source: Source): string =>
  createHash('sha256').update(canonical(source)).digest('hex').slice(0, 16);

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

import { asMixgateError, MixgateError } from '../errors.ts';
import { openCaller, unknownCaller, type Caller } from './caller.ts';
import type { KeyRing } from './key-ring.ts';
import { findKey, isSame, looksLikeKey, whyInvalid, type Key } from './key.ts';
import { missingCredentials } from './role.ts';
import type { Tokens } from './tokens.ts';

export interface AccessOptions {
  readonly keys: KeyRing;
  /** Null where no identity provider is configured. */
  readonly tokens: Tokens | null;
  /** Lets browsers in, and nobody else. */
  readonly workerKey: string;
  /** Told whenever keys.json was damaged, or is whole again. */
  readonly onProblem: (problem: MixgateError | null) => void;
  readonly now: () => number;
}

/** Longer ones are neither. */
const MAX_CREDENTIAL = 16_384;
/** The longest that a timer can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const LEAST_TIMER_MS = 50;

/** Says who asks, and when that has ended to hold. The same for every transport. */
export class Access {
  readonly #options: AccessOptions;
  /** Of what is open, and looks anew whenever keys change. */
  readonly #watchers = new Set<() => void>();
  #problem: MixgateError | null = null;

  constructor(options: AccessOptions) {
    this.#options = options;
  }

  /** Whether nobody is asked who he is. */
  get isOpen(): boolean {
    const { keys, tokens } = this.#options;
    return tokens === null && !keys.isThere;
  }

  /** Notices from now on when keys change, until `close`. */
  start(): void {
    const { keys, onProblem } = this.#options;
    keys.watch((problem) => {
      if (problem !== this.#problem) onProblem((this.#problem = problem));
      for (const look of [...this.#watchers]) look();
    });
  }

  close(): void {
    this.#options.keys.close();
  }

  /** @throws INVALID_INPUT where keys.json is damaged */
  check(): void {
    void this.#options.keys.keys;
  }

  /**
   * Whose credential it is: an API key, the worker key, or a token. With none, nobody that is known.
   * @param anonymous the id of whoever shows nothing
   * @throws UNAUTHENTICATED; FORBIDDEN for a token without a role; SOURCE_UNAVAILABLE where its issuer cannot be asked
   */
  async authenticate(credential: string | null, anonymous: string): Promise<Caller> {
    if (this.isOpen) return openCaller(anonymous);
    if (credential === null) return unknownCaller(anonymous);
    if (looksLikeKey(credential)) return this.#keyCaller(credential);
    if (credential.length > MAX_CREDENTIAL) throw refused();
    if (isSame(credential, this.#options.workerKey)) return { ...unknownCaller('worker-key'), ...WORKER };
    if (this.#options.tokens === null) throw refused();
    const { id, ...bearer } = await this.#options.tokens.verify(credential);
    return { ...unknownCaller(id), ...bearer };
  }

  /** Whether it may lend a browser: the worker key, or an API key of the role WORKER or ADMIN. */
  readonly admitsWorker = (key: string): boolean => {
    if (isSame(key, this.#options.workerKey)) return true;
    try {
      const { role } = this.#keyCaller(key);
      return role === 'WORKER' || role === 'ADMIN';
    } catch (error) {
      if (error instanceof MixgateError) return false;
      throw error;
    }
  };

  /** Calls `onEnd` once, with the reason, when what the caller showed does not count any more. Returns what ends the looking. */
  watch(caller: Caller, onEnd: (reason: MixgateError) => void): () => void {
    let timer: NodeJS.Timeout | undefined;
    const stop = (): void => {
      clearTimeout(timer);
      this.#watchers.delete(look);
    };
    const look = (): void => {
      const reason = this.#whyEnded(caller);
      if (reason === null) return;
      stop();
      onEnd(reason);
    };
    const wait = (): void => {
      if (caller.expiresAt === null) return;
      const leftMs = caller.expiresAt.getTime() - this.#options.now();
      timer = setTimeout(
        () => {
          look();
          // A timer may come a moment too early.
          if (this.#watchers.has(look)) wait();
        },
        Math.min(Math.max(leftMs, LEAST_TIMER_MS), MAX_TIMER_MS),
      );
      timer.unref();
    };
    this.#watchers.add(look);
    wait();
    // It may have ended since it was shown.
    look();
    return stop;
  }

  /** For what took a while to arrive after it. @throws UNAUTHENTICATED where what the caller showed does not count any more */
  confirm(caller: Caller): void {
    const reason = this.#whyEnded(caller);
    if (reason !== null) throw reason;
  }

  #keyCaller(text: string): Caller {
    const { id, name, role, expiresAt } = findKey(text, this.#keys(), this.#options.now());
    return {
      ...unknownCaller(`key:${id}`),
      ...{ name, role, keyId: id, expiresAt: expiresAt === null ? null : new Date(expiresAt) },
    };
  }

  #keys(): readonly Key[] {
    try {
      return this.#options.keys.keys;
    } catch {
      // Its path is nobody's business; the log has it.
      throw new MixgateError(
        'UNAUTHENTICATED',
        'The keys of this gateway cannot be read, so that none counts: its log says why.',
        { reason: 'UNREADABLE' },
      );
    }
  }

  /** Null while it holds. */
  #whyEnded({ role, sees, keyId, expiresAt }: Caller): MixgateError | null {
    const now = this.#options.now();
    // Let in when nobody was asked; whom it would have to be now, nobody knows.
    if (role !== null && sees === null) return this.isOpen ? null : missingCredentials('From now on, this');
    if (keyId !== null) return this.#whyKeyEnded(keyId, now);
    if (expiresAt === null || expiresAt.getTime() > now) return null;
    return new MixgateError('UNAUTHENTICATED', 'The token has expired: come back with a new one.', {
      reason: 'EXPIRED',
    });
  }

  #whyKeyEnded(keyId: string, now: number): MixgateError | null {
    try {
      const key = this.#keys().find(({ id }) => id === keyId);
      return key === undefined ? refused() : whyInvalid(key, now);
    } catch (error) {
      return asMixgateError(error);
    }
  }
}

/** The worker key's own; it does not expire. */
const WORKER = { name: 'worker key', role: 'WORKER' } as const;

const refused = (): MixgateError =>
  new MixgateError(
    'UNAUTHENTICATED',
    'This is no key or token that counts here: check that it is whole, or have a key made with `mixgate keys create`.',
    { reason: 'UNKNOWN' },
  );

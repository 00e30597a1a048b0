import type { Client } from 'urql';
import { map, pipe } from 'wonka';
import type { Connection } from '../api/client.ts';
import { follow } from '../api/follow.ts';
import { problemOf, type Problem } from '../api/problem.ts';
import { failed, isFinal, isFinalEvent, take } from '../parts/answer.ts';
import { CANCEL, FOLLOW } from '../parts/event-fields.ts';
import { START } from './documents.ts';
import { readKept, writeKept } from './kept.ts';
import { generateInput, type Settings } from './settings.ts';
import { newTurn, type Turn } from './turn.ts';

export interface SessionState {
  readonly settings: Settings;
  readonly turns: readonly Turn[];
  /** False while the way to the gateway is lost in mid-answer. */
  readonly isConnected: boolean;
  /** What the field for the next prompt begins with. */
  readonly draft: string;
  /** Why stopping did not work. */
  readonly stopProblem: Problem | null;
}

/** A reload loses nothing at any rate, what is not kept yet is asked for again; this bounds how much that is. */
const KEEP_MS = 300;

/**
 * The conversation of this tab. It lives outside of the components, so that an answer goes on while somebody looks at
 * another page, and is kept in sessionStorage, so that it goes on after a reload.
 */
export class Session {
  readonly #client: Client;
  readonly #storage: Storage;
  readonly #listeners = new Set<() => void>();
  #state: SessionState;
  #isFrameDue = false;
  #keepTimer: ReturnType<typeof setTimeout> | undefined;
  #unfollow: (() => void) | null = null;
  #isForgotten = false;
  /** Of the newest start; an older one that answers late is nobody's. */
  #start = 0;

  constructor({ client, onOpened }: Connection, storage: Storage) {
    this.#client = client;
    onOpened(() => this.#connected(true));
    this.#storage = storage;
    this.#state = { ...readKept(storage), isConnected: true, draft: '', stopProblem: null };
    const { newest } = this;
    if (newest !== null && !isFinal(newest)) this.#follow(newest);
    addEventListener('pagehide', () => this.#keep());
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly read = (): SessionState => this.#state;

  get newest(): Turn | null {
    return this.#state.turns.at(-1) ?? null;
  }

  get isBusy(): boolean {
    return this.newest !== null && !isFinal(this.newest);
  }

  set(change: Partial<Settings>): void {
    this.#change({ settings: { ...this.#state.settings, ...change } });
  }

  async send(prompt: string): Promise<void> {
    if (this.isBusy) return;
    const { settings, turns } = this.#state;
    const input = generateInput(settings, turns, prompt);
    this.#change({
      turns: [...turns, newTurn(prompt, settings.isRaw)],
      isConnected: true,
      draft: '',
      stopProblem: null,
    });
    const start = ++this.#start;
    const { data, error } = await this.#client.mutation(START, { input }).toPromise();
    if (start !== this.#start) {
      // It was stopped meanwhile, or its conversation thrown away.
      if (data) void this.#client.mutation(CANCEL, { id: data.startGeneration.id }).toPromise();
      return;
    }
    if (error) this.#changeNewest((turn) => failed(turn, problemOf(error)));
    if (!data) return;
    this.#changeNewest((turn) => ({ ...turn, id: data.startGeneration.id }));
    this.#keep();
    this.#follow(this.newest!);
  }

  /** What was written so far stays; the answer ends when the gateway says that it has. */
  async stop(): Promise<void> {
    const { newest } = this;
    if (newest === null || isFinal(newest)) return;
    const { id } = newest;
    if (id === null) {
      // `send` cancels it as soon as it knows its id.
      this.#start += 1;
      this.#changeNewest((turn) => ({ ...turn, stage: 'CANCELLED' }));
      return;
    }
    const { error } = await this.#client.mutation(CANCEL, { id }).toPromise();
    this.#change({ stopProblem: error ? problemOf(error) : null });
  }

  clear(): void {
    void this.stop();
    this.#replace([], '');
  }

  /** Goes on with a conversation of before. What was here goes on at the gateway, where the history has it. */
  open(settings: Settings, turns: readonly Turn[], draft: string): void {
    this.#replace(turns, draft);
    this.set(settings);
    if (this.isBusy) this.#follow(this.newest!);
  }

  /** Somebody else may sit here next: nothing that was kept of this tab stays. The page is not of use any more. */
  forget(): void {
    this.#isForgotten = true;
    this.#unfollow?.();
    this.#storage.clear();
  }

  #replace(turns: readonly Turn[], draft: string): void {
    this.#start += 1;
    this.#unfollow?.();
    this.#unfollow = null;
    this.#change({ turns, draft, isConnected: true, stopProblem: null });
  }

  #follow({ id, sequence }: Turn): void {
    if (id === null) return;
    this.#unfollow = follow({
      ask: (after) =>
        pipe(
          this.#client.subscription(FOLLOW, { id, after }),
          map(({ data, error }) => ({ data: data?.generationEvents, error })),
        ),
      after: sequence,
      isFinal: isFinalEvent,
      onEvent: (event) => this.#changeNewest((turn) => take(turn, event)),
      onRefused: (problem) => this.#changeNewest((turn) => failed(turn, problem)),
      onLost: () => this.#connected(false),
    });
  }

  #connected(isConnected: boolean): void {
    if (isConnected !== this.#state.isConnected) this.#change({ isConnected });
  }

  #changeNewest(change: (turn: Turn) => Turn): void {
    const { turns } = this.#state;
    this.#change({ turns: turns.map((turn, index) => (index === turns.length - 1 ? change(turn) : turn)) });
  }

  #change(change: Partial<SessionState>): void {
    this.#state = { ...this.#state, ...change };
    this.#keepTimer ??= setTimeout(() => this.#keep(), KEEP_MS);
    if (!('turns' in change)) this.#tell();
    else if (!this.#isFrameDue) {
      // Tokens may come faster than frames; a hidden page has no frames, and nobody who looks.
      this.#isFrameDue = true;
      requestAnimationFrame(() => {
        this.#isFrameDue = false;
        this.#tell();
      });
    }
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  #keep(): void {
    clearTimeout(this.#keepTimer);
    this.#keepTimer = undefined;
    if (this.#isForgotten) return;
    const { settings, turns } = this.#state;
    writeKept(this.#storage, { settings, turns });
  }
}

import { mayPass, refusal, type Problem } from '../api/problem.ts';
import { forgetCredential, keepCredential, keptCredential, watchOtherTabs } from './credential.ts';
import type { IdentityProvider, Viewer } from './viewer.ts';

export interface AccountState {
  /** While `asking`, and `out` until somebody signs in, everything for the gateway waits. */
  readonly status: 'asking' | 'in' | 'out';
  /** Whose pages are shown, also when that does not count any more. Null until the gateway has let somebody in. */
  readonly viewer: Viewer | null;
  /** Why nobody is signed in; null where nothing was shown yet. */
  readonly problem: Problem | null;
  /** Where people sign in by themselves; null: nowhere, or not known yet. */
  readonly identityProvider: IdentityProvider | null;
}

export interface AccountOptions {
  /** Who somebody is that shows a credential, or why it does not count. */
  readonly ask: (credential: string | null) => Promise<Viewer | Problem>;
  /** Somebody has signed out, here or in another tab: nothing of what was shown may stay. */
  readonly onSignedOut: () => void;
}

const RETRY_MS = 2000;

/** Who uses the pages of this tab, as the gateway sees it. An open gateway lets everybody in, and nobody notices. */
export class Account {
  readonly #options: AccountOptions;
  readonly #listeners = new Set<() => void>();
  #state: AccountState = { status: 'asking', viewer: null, problem: null, identityProvider: null };
  #credential = keptCredential();
  /** Of the newest question: what an older one brings is nobody's. */
  #question = 0;

  constructor(options: AccountOptions) {
    this.#options = options;
    watchOtherTabs({
      onSignedIn: () => {
        if (this.#state.status !== 'out') return;
        this.#credential = keptCredential();
        void this.check();
      },
      onSignedOut: options.onSignedOut,
    });
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly read = (): AccountState => this.#state;

  /** Goes with everything that is asked of the gateway; never into an address. */
  get credential(): string | null {
    return this.#credential;
  }

  /** No token, which has two dots. */
  get isKey(): boolean {
    return this.#credential !== null && this.#credential.split('.').length !== 3;
  }

  /** Asks the gateway whether it still lets in whoever this is, as often as it takes to reach it. */
  async check(): Promise<void> {
    const question = ++this.#question;
    this.#change({ ...this.#state, status: 'asking', problem: null });
    for (;;) {
      const answer = await this.#options.ask(this.#credential);
      if (question !== this.#question) return;
      if (!('code' in answer)) return this.#take(answer);
      if (!mayPass(answer)) return this.#refuse(answer);
      this.#change({ ...this.#state, problem: answer });
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      if (question !== this.#question) return;
    }
  }

  /** Returns why it does not count; null where it does. `isLasting`: beyond this tab. */
  async signIn(credential: string, isLasting: boolean): Promise<Problem | null> {
    const question = ++this.#question;
    const answer = await this.#options.ask(credential);
    if (question !== this.#question) return null;
    if ('code' in answer) return answer;
    this.#credential = credential;
    keepCredential(credential, isLasting);
    this.#take(answer);
    return null;
  }

  /** A newer token of whoever is signed in. */
  renew(credential: string): void {
    this.#credential = credential;
    keepCredential(credential, false);
    void this.check();
  }

  /** Signing in elsewhere has not gone well. */
  fail(problem: Problem): void {
    this.#change({ ...this.#state, status: 'out', problem });
  }

  signOut(): void {
    forgetCredential();
    this.#options.onSignedOut();
  }

  async untilSignedIn(): Promise<void> {
    while (this.#state.status !== 'in')
      await new Promise<void>((resolve) => {
        const stop = this.subscribe(() => {
          stop();
          resolve();
        });
      });
  }

  #take(answer: Viewer): void {
    const { viewer } = this.#state;
    const { role, identityProvider } = answer;
    if (role !== null) return this.#change({ status: 'in', viewer: answer, problem: null, identityProvider });
    // The first key may have been made while the pages are looked at.
    const problem = viewer === null ? null : refusal('MISSING');
    this.#change({ status: 'out', viewer, problem, identityProvider });
  }

  /** Whoever shows what does not count is told nothing else: where one may sign in, is told to who shows nothing. */
  async #refuse(problem: Problem): Promise<void> {
    const question = this.#question;
    const { viewer } = this.#state;
    const nobody = viewer === null ? await this.#options.ask(null) : viewer;
    if (question !== this.#question) return;
    const identityProvider = 'code' in nobody ? null : nobody.identityProvider;
    this.#change({ status: 'out', viewer, problem, identityProvider });
  }

  #change(state: AccountState): void {
    this.#state = state;
    for (const listener of [...this.#listeners]) listener();
  }
}

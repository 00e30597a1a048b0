import { createClient, type Client } from 'graphql-ws';
import type { Command, Report } from '../../src/protocol/frames.ts';
import { COMMANDS, REPORTS } from './documents.ts';

export type LinkState = 'connected' | 'reconnecting' | { readonly refused: string };

export interface LinkOptions {
  readonly url: string;
  readonly key: string;
  readonly name: string;
  readonly device: Report;
  readonly onCommand: (command: Command) => void;
  /** The gateway knows nothing of this worker any more: this link is over, and what was loaded is nobody's. */
  readonly onForgotten: () => void;
  readonly onState: (state: LinkState) => void;
}

interface NumberedCommand {
  readonly sequence: number;
  readonly command: Command;
}

/** The gateway is asked for a sign of life this often, and given up when none comes within the same time again. */
const ALIVE_MS = 5000;
const MAX_BATCH = 200;
const RETRY_MS = 500;

/** The worker's end of the protocol: commands in and reports out, each numbered, kept until the gateway has counted them. */
export class Link {
  readonly #options: LinkOptions;
  readonly #client: Client;
  #worker: string | null = null;
  #seen = 0;
  /** Not counted by the gateway yet; the first has number `#counted + 1`. */
  #reports: Report[] = [];
  #counted = 0;
  #isSending = false;
  #isClosed = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    let silence: ReturnType<typeof setTimeout> | undefined;
    this.#client = createClient({
      url: options.url,
      // Where callers have to show who they are; the fields ask for it once more.
      connectionParams: { authorization: options.key },
      retryAttempts: 0,
      keepAlive: ALIVE_MS,
      on: {
        // A way that is dead without a word, as after sleep, is cut here, so that it is gone anew.
        ping: (isReceived) => {
          if (!isReceived) silence = setTimeout(() => this.#client.terminate(), ALIVE_MS);
        },
        pong: () => clearTimeout(silence),
        closed: () => clearTimeout(silence),
      },
    });
    void this.#follow();
  }

  send(report: Report): void {
    if (this.#isClosed) return;
    this.#reports.push(report);
    // No timer: a hidden tab's sleep. What comes while a message is on its way goes together in the next.
    queueMicrotask(() => void this.#flush(false));
  }

  /** Says goodbye, so that nobody waits for this browser. */
  close(): void {
    if (this.#isClosed) return;
    void this.#flush(true, true);
    this.#isClosed = true;
    setTimeout(() => void this.#client.dispose(), 100);
  }

  /** Comes back whenever the socket is lost. */
  async #follow(): Promise<void> {
    while (!this.#isClosed) {
      try {
        const { key, name, device } = this.#options;
        const back = this.#worker === null ? { name, device } : { worker: this.#worker, after: this.#seen };
        const events = this.#client.iterate<{
          workerCommands: { worker: string; commands: NumberedCommand[] };
        }>({
          query: COMMANDS,
          variables: { key, ...back },
        });
        for await (const event of events) this.#take(dataOf(event).workerCommands);
      } catch (error) {
        this.#failed(error);
      }
      if (!this.#isClosed) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  #take({ worker, commands }: { worker: string; commands: NumberedCommand[] }): void {
    // The socket is there for the goodbye alone.
    if (this.#isClosed) return;
    this.#worker = worker;
    for (const { sequence, command } of commands) {
      if (sequence <= this.#seen) continue;
      this.#seen = sequence;
      this.#options.onCommand(command);
    }
    // An empty list asks for a sign of life.
    void this.#flush(true);
    this.#options.onState('connected');
  }

  #failed(error: unknown): void {
    const refusal = refusalOf(error);
    const code = refusal?.extensions?.code;
    if (this.#isClosed) return;
    // Let in by no other key, or forgotten: this link is over either way.
    if (code === 'UNAUTHENTICATED' || code === 'FORBIDDEN' || code === 'NOT_FOUND') {
      this.#isClosed = true;
      void this.#client.dispose();
    }
    this.#options.onState(refusal === null ? 'reconnecting' : { refused: refusal.message });
    if (code === 'NOT_FOUND') this.#options.onForgotten();
  }

  async #flush(isHeartbeat: boolean, leaving = false): Promise<void> {
    if (this.#worker === null || (this.#isSending && !leaving)) return;
    const reports = this.#reports.slice(0, MAX_BATCH);
    if (reports.length === 0 && !isHeartbeat) return;
    this.#isSending = true;
    try {
      const first = this.#counted + 1;
      const { key } = this.#options;
      const variables = { key, worker: this.#worker, first, reports, seen: this.#seen, leaving };
      for await (const event of this.#client.iterate<{ workerReports: number }>({
        query: REPORTS,
        variables,
      }))
        this.#acknowledge(dataOf(event).workerReports);
    } catch (error) {
      this.#failed(error);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    } finally {
      this.#isSending = false;
    }
    if (this.#reports.length > 0 && !this.#isClosed) void this.#flush(false);
  }

  #acknowledge(counted: number): void {
    this.#reports = this.#reports.slice(Math.max(0, counted - this.#counted));
    this.#counted = Math.max(this.#counted, counted);
  }
}

interface Refusal {
  readonly message: string;
  readonly extensions?: { readonly code?: unknown } | undefined;
}

/** What the gateway said no with, as an error that can be thrown. */
class Refused extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.message);
  }
}

function dataOf<Data>({
  data,
  errors,
}: {
  data?: Data | null | undefined;
  errors?: readonly Refusal[] | undefined;
}): Data {
  if (errors?.[0] !== undefined) throw new Refused(errors[0]);
  if (!data) throw new Error('The gateway answered nothing.');
  return data;
}

/** Of the close event of a socket whose credentials do not count (any more). */
const REFUSED_CODES: readonly unknown[] = [4401, 4403];

/** Null where the way is broken, and not the answer a no. graphql-ws throws the list of errors as it came. */
function refusalOf(error: unknown): Refusal | null {
  if (error instanceof Refused) return error.refusal;
  if (error instanceof CloseEvent && REFUSED_CODES.includes(error.code))
    return { message: error.reason, extensions: { code: 'UNAUTHENTICATED' } };
  return Array.isArray(error) ? ((error as Refusal[])[0] ?? null) : null;
}

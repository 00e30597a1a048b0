import { MixgateError, fromWire } from '../../errors.ts';
import { reportSchema, type Command, type Report, type ReportOf } from '../../protocol/frames.ts';
import { Exchanges, type Channel, type OnReport, type WithoutId } from '../channel.ts';

export interface WorkerLinkOptions {
  /** How long a worker may be away, its socket lost or its heart silent, before it is given up, milliseconds. */
  readonly leaseMs: number;
  /** The browser computes on other devices from now on. False where what it says cannot be. */
  readonly onDevices: (report: ReportOf<'device'>) => boolean;
  /** Its socket has come or was lost. */
  readonly onAttached: () => void;
}

/** The id of `device` reports that nobody asked for: at the start, and when a device has gone. */
export const REGISTER = 'register';

/** A command with its place in what the gateway sends; counted from 1. */
export interface NumberedCommand {
  readonly sequence: number;
  readonly command: Command;
}

/** Bounds on what a worker may send: a browser is nobody's friend. */
const MAX_TEXT_PER_TOKEN = 1024;
const MAX_UNSEEN = 10_000;

/** What is asked of the browser, and what it has sent of it. */
interface Job {
  readonly type: Command['type'];
  readonly maxTokens: number;
  tokens: number;
  characters: number;
}

/** Which reports answer what. */
const ANSWERS: Readonly<Partial<Record<Command['type'], readonly Report['type'][]>>> = {
  describe: ['device', 'error'],
  load: ['progress', 'loaded', 'error'],
  start: ['part', 'end', 'error'],
};

/** How often a browser is asked for a sign of life, at least: what arrives wakes a hidden tab, whose own timers sleep. */
const HEARTBEAT_MS = 5000;
/** And how often within a lease. */
const PER_LEASE = 3;

/**
 * One browser at the other end of the protocol. Both directions are numbered and kept until the other side has seen
 * them, so that a lost socket loses nothing: the worker asks for commands after the last it has, and sends again what
 * the gateway has not counted. A worker that breaks the rules is given up.
 */
export class WorkerLink implements Channel {
  readonly #leaseMs: number;
  readonly #onDevices: WorkerLinkOptions['onDevices'];
  readonly #onAttached: WorkerLinkOptions['onAttached'];
  readonly #exchanges = new Exchanges();
  readonly #jobs = new Map<string, Job>();
  /** By the id of the load: who is to know when it is lost. */
  readonly #residents = new Map<string, (error: MixgateError) => void>();
  /** Not seen by the worker yet, in order. */
  #commands: NumberedCommand[] = [];
  #lastCommand = 0;
  #received = 0;
  #attached: AbortController | null = null;
  #wake: () => void = () => undefined;
  #lease: NodeJS.Timeout | undefined;
  #leaseEndsAt = 0;
  #endedBy: MixgateError | null = null;
  /** Settles when the worker is gone, with why. */
  readonly gone: Promise<MixgateError>;
  #resolveGone: (error: MixgateError) => void = () => undefined;

  constructor({ leaseMs, onDevices, onAttached }: WorkerLinkOptions) {
    this.#leaseMs = leaseMs;
    this.#onDevices = onDevices;
    this.#onAttached = onAttached;
    this.gone = new Promise((resolve) => (this.#resolveGone = resolve));
    this.#renew();
  }

  /** While its socket is lost: when it is given up, milliseconds since 1970. Null while it is here. */
  get awayUntil(): number | null {
    return this.#attached === null ? this.#leaseEndsAt : null;
  }

  open(command: WithoutId<Command>, onReport: OnReport): string {
    const id = this.#exchanges.add((report) => {
      const isOver = report instanceof MixgateError || (report.type !== 'progress' && report.type !== 'part');
      if (isOver) this.#jobs.delete(id);
      onReport(report);
    });
    const error = this.#endedBy;
    if (error !== null) queueMicrotask(() => this.#exchanges.endAll(error));
    else {
      const maxTokens = command.type === 'start' ? (command.maxTokens ?? command.contextSize) : 0;
      this.#jobs.set(id, { type: command.type, maxTokens, tokens: 0, characters: 0 });
      this.send({ ...command, id });
    }
    return id;
  }

  send(command: Command): void {
    if (this.#endedBy !== null) return;
    this.#commands.push({ sequence: ++this.#lastCommand, command });
    if (this.#commands.length > MAX_UNSEEN) this.end(this.#broken('does not take its commands'));
    this.#wake();
  }

  /** Calls back, once, when the browser loses what that load has loaded. */
  whenLost(loadId: string, onLost: (error: MixgateError) => void): void {
    this.#residents.set(loadId, onLost);
  }

  /** The browser is to give back what that load has loaded. */
  unload(loadId: string): void {
    this.#residents.delete(loadId);
    this.send({ type: 'unload', resident: loadId });
  }

  /** Commands after the last that the worker has, as they come, several at once. Who attaches last is the one. */
  async *commands(after: number, signal: AbortSignal): AsyncGenerator<readonly NumberedCommand[]> {
    this.#attached?.abort();
    const attached = (this.#attached = new AbortController());
    this.#onAttached();
    const either = AbortSignal.any([signal, attached.signal]);
    either.addEventListener('abort', () => this.#wake(), { once: true });
    let seen = after;
    try {
      this.#seenUpTo(after);
      while (!either.aborted && this.#endedBy === null) {
        const fresh = this.#commands.filter(({ sequence }) => sequence > seen);
        if (fresh.length > 0) {
          seen = fresh.at(-1)!.sequence;
          yield fresh;
        } else if (!(await this.#wakes(Math.min(HEARTBEAT_MS, this.#leaseMs / PER_LEASE)))) yield [];
      }
    } finally {
      if (this.#attached === attached) {
        this.#attached = null;
        this.#onAttached();
      }
    }
  }

  /**
   * Takes reports, the first of which has the number `first`; what was counted already is dropped. `seen` is the last
   * command that the worker has. Gives how many are counted now. An empty list is a heartbeat.
   * @throws BACKEND_CRASHED for what no honest worker sends; the worker is given up then
   */
  receive(first: number, reports: readonly unknown[], seen: number): number {
    if (this.#endedBy !== null) throw this.#endedBy;
    this.#renew();
    if (first > this.#received + 1) throw this.end(this.#broken(`left out report ${this.#received + 1}`));
    this.#seenUpTo(seen);
    for (const report of reports.slice(Math.max(0, this.#received + 1 - first))) {
      const parsed = reportSchema.safeParse(report);
      if (!parsed.success) throw this.end(this.#broken('sent what is no report'));
      this.#received++;
      this.#take(parsed.data);
    }
    return this.#received;
  }

  /** The worker leaves, or is given up: everything that it does fails. Gives the error. */
  end(error: MixgateError): MixgateError {
    if (this.#endedBy !== null) return this.#endedBy;
    this.#endedBy = error;
    clearTimeout(this.#lease);
    this.#exchanges.endAll(error);
    this.#attached?.abort();
    this.#resolveGone(error);
    return error;
  }

  /** @throws BACKEND_CRASHED */
  #take(report: Report): void {
    if (report.type === 'device' && report.id === REGISTER) {
      if (!this.#onDevices(report)) throw this.end(this.#broken('told of devices that cannot be'));
      return;
    }
    this.#check(report);
    if (report.type === 'lost') this.#lost(report);
    else this.#exchanges.receive(report);
  }

  #lost({ id, error }: ReportOf<'lost'>): void {
    const onLost = this.#residents.get(id);
    this.#residents.delete(id);
    onLost?.(fromWire(error));
  }

  /** True where there is something to do; false when the time is over. */
  #wakes(withinMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), withinMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  #renew(): void {
    clearTimeout(this.#lease);
    this.#leaseEndsAt = Date.now() + this.#leaseMs;
    this.#lease = setTimeout(
      () =>
        this.end(
          new MixgateError(
            'BACKEND_CRASHED',
            `The browser was not heard of for ${this.#leaseMs} ms: the answer so far is kept, send the request again.`,
          ),
        ),
      this.#leaseMs,
    );
    this.#lease.unref();
  }

  #seenUpTo(sequence: number): void {
    this.#commands = this.#commands.filter((each) => each.sequence > sequence);
  }

  /** @throws BACKEND_CRASHED */
  #check(report: Report): void {
    if (!this.#exchanges.isKnown(report.id))
      throw this.end(this.#broken(`reports on ${report.id}, which it was never asked`));
    const job = this.#jobs.get(report.id);
    // It crossed a cancel, or the end of an exchange, on its way; or tells of what is loaded.
    if (job === undefined || report.type === 'lost') return;
    if (ANSWERS[job.type]?.includes(report.type) !== true)
      throw this.end(this.#broken(`answers a ${job.type} with a ${report.type}`));
    if (report.type === 'part') {
      job.tokens += report.tokens;
      job.characters += report.text.length;
      const isTooMuch = job.tokens > job.maxTokens || job.characters > MAX_TEXT_PER_TOKEN * (job.tokens + 1);
      if (isTooMuch) throw this.end(this.#broken('sent more than it was asked for'));
    }
    if (report.type === 'end' && report.usage.completionTokens !== job.tokens)
      throw this.end(
        this.#broken(`counts ${report.usage.completionTokens} tokens where it sent ${job.tokens}`),
      );
  }

  #broken(problem: string): MixgateError {
    return new MixgateError(
      'BACKEND_CRASHED',
      `The browser that computed this broke the protocol: it ${problem}. The answer so far is kept; send the request again.`,
      { problem },
    );
  }
}

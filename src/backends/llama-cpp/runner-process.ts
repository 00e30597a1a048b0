import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { MixgateError, outgrown } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { reportSchema, type Command } from '../../protocol/frames.ts';
import { endFirst, watchMemory } from './host-memory.ts';
import { Exchanges, type Channel, type OnReport, type WithoutId } from '../channel.ts';

/** Which build of llama.cpp a runner uses; `auto` takes the best the machine has. */
export type RunnerGpu = 'auto' | 'cuda' | 'vulkan' | 'metal' | 'off';

export interface RunnerOptions {
  readonly gpu: RunnerGpu;
  /** Added to the gateway's own environment, which passes through. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  readonly log: Log;
  /** The runner's entry file; the built one beside this module unless a test says otherwise. */
  readonly entry?: string | undefined;
}

/** How long a runner may take to exit by itself before it is killed. */
const EXIT_GRACE_MS = 3000;
/** The end of what a runner printed, kept for the error when it dies. */
const KEPT_OUTPUT_CHARACTERS = 2000;

const ENTRY = fileURLToPath(new URL('./runner/main.js', import.meta.url));

/** One child process and its exchanges. Dies alone: every open exchange then ends with BACKEND_CRASHED. */
export class RunnerProcess implements Channel {
  readonly gpu: RunnerGpu;
  /** Sees only some of the machine's devices. */
  readonly isConfined: boolean;
  readonly #child: ChildProcess;
  readonly #log: Log;
  readonly #exchanges = new Exchanges();
  /** Settles when the process has ended; with null when it was asked to. */
  readonly gone: Promise<Error | null>;
  #output = '';
  #endedBy: MixgateError | null = null;
  #isStopping = false;
  /** Why it is being ended, where that is not by itself. */
  #killedFor: MixgateError | null = null;

  constructor({ gpu, environment, log, entry = ENTRY }: RunnerOptions) {
    this.gpu = gpu;
    this.isConfined = environment !== undefined;
    this.#log = log;
    this.#child = fork(entry, [gpu], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, ...environment },
    });
    if (this.#child.pid !== undefined) endFirst(this.#child.pid);
    log.info('runner.started', { pid: this.#child.pid ?? null, gpu });
    this.#child.stdout?.on('data', (text: Buffer) => this.#keepOutput(text));
    this.#child.stderr?.on('data', (text: Buffer) => this.#keepOutput(text));
    this.#child.on('message', (message) => this.#receive(message));
    this.gone = new Promise((resolve) => {
      const ended = (reason: string) => resolve(this.#ended(reason));
      this.#child.once('exit', (code, signal) => ended(signal ?? `exit code ${code}`));
      this.#child.once('error', (error) => ended(error.message));
    });
  }

  get isAlive(): boolean {
    return this.#endedBy === null;
  }

  open(command: WithoutId<Command>, onReport: OnReport): string {
    const id = this.#exchanges.add(onReport);
    const error = this.#endedBy;
    if (error === null) this.send({ ...command, id });
    else queueMicrotask(() => this.#exchanges.endAll(error));
    return id;
  }

  send(command: Command): void {
    if (this.#child.connected) this.#child.send(command, () => undefined);
  }

  /** From now on it is ended when it takes more of the host's memory for itself. */
  limitMemory(limitBytes: number): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    const end = watchMemory(pid, limitBytes, (bytes) => {
      this.#killedFor = outgrown(bytes, limitBytes);
      this.#log.error('runner.outgrown', { pid, bytes, limitBytes });
      this.#child.kill('SIGKILL');
    });
    void this.gone.then(end);
  }

  /** Asks the runner to exit, kills it when it does not, and resolves when it has ended. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.send({ type: 'unload', resident: null });
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), EXIT_GRACE_MS);
    await this.gone;
    clearTimeout(timer);
  }

  #receive(message: unknown): void {
    const parsed = reportSchema.safeParse(message);
    if (!parsed.success) {
      this.#keepOutput(`A frame that does not parse: ${parsed.error.message}`);
      this.#child.kill('SIGKILL');
      return;
    }
    this.#exchanges.receive(parsed.data);
  }

  #ended(reason: string): Error | null {
    const pid = this.#child.pid ?? null;
    this.#endedBy =
      this.#killedFor ??
      new MixgateError(
        'BACKEND_CRASHED',
        `The llama.cpp runner ended (${reason}): the answer so far is kept, send the request again.`,
        { reason, output: this.#output },
      );
    this.#log[this.#isStopping ? 'debug' : 'error']('runner.exited', { pid, reason });
    this.#exchanges.endAll(this.#endedBy);
    return this.#isStopping ? null : this.#endedBy;
  }

  #keepOutput(output: Buffer | string): void {
    const text = output.toString();
    this.#output = (this.#output + text).slice(-KEPT_OUTPUT_CHARACTERS);
    this.#log.debug('runner.output', { pid: this.#child.pid ?? null, text: text.trimEnd() });
  }
}

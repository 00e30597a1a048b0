import type { Command, CommandOf, Report } from '../../src/protocol/frames.ts';
import { EngineError, type Loader, type Model } from './engine.ts';
import { loadWithWebLlm } from './web-llm/model.ts';
import { wllamaOn } from './wllama-engine.ts';

export interface RuntimeHooks {
  /** Of each device that was reported, by its index: is it the GPU? */
  readonly isGpu: readonly boolean[];
  readonly send: (report: Report) => void;
  readonly onChange: (state: RuntimeState) => void;
}

export interface RuntimeState {
  /** Models. */
  readonly loaded: number;
  /** Answers. */
  readonly running: number;
  /** Since the start. */
  readonly tokens: number;
  /** Tokens per second, lately; null while nothing runs. */
  readonly rate: number | null;
}

const TELL_MS = 200;

/** Does what the gateway asks. Holds as many models as it is told to. */
export class Runtime {
  readonly #hooks: RuntimeHooks;
  readonly #models = new Map<string, Model>();
  readonly #cancels = new Map<string, AbortController>();
  #running = 0;
  #tokens = 0;
  #hasEnded = false;
  #toldAt = -Infinity;
  #toldTokens = 0;

  constructor(hooks: RuntimeHooks) {
    this.#hooks = hooks;
  }

  take(command: Command): void {
    switch (command.type) {
      case 'load':
        void this.#cancellable(command.id, (signal) => this.#load(command, signal));
        return;
      case 'start':
        void this.#cancellable(command.id, (signal) => this.#start(command, signal));
        return;
      case 'cancel':
        this.#cancels.get(command.id)?.abort();
        return;
      case 'unload':
        if (command.resident !== null) void this.#unload(command.resident);
        return;
      case 'describe':
      case 'threads':
      case 'score': // Never sent to a browser: it can neither score nor predict.
      case 'predict':
        return;
    }
  }

  /** Nobody wants anything any more. What is still loading is thrown away when it has loaded. */
  async end(): Promise<void> {
    this.#hasEnded = true;
    for (const controller of this.#cancels.values()) controller.abort();
    await Promise.all([...this.#models.keys()].map((id) => this.#unload(id)));
  }

  async #cancellable(id: string, run: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const controller = new AbortController();
    this.#cancels.set(id, controller);
    try {
      await run(controller.signal);
    } catch (error) {
      const code = error instanceof EngineError ? error.code : 'INTERNAL';
      this.#hooks.send({
        type: 'error',
        id,
        error: { code, message: error instanceof Error ? error.message : String(error) },
      });
    } finally {
      this.#cancels.delete(id);
      this.#tell();
    }
  }

  async #load(command: CommandOf<'load'>, signal: AbortSignal): Promise<void> {
    const { id, slots } = command;
    let told = -1;
    const onProgress = (fraction: number) => {
      if (fraction < 1 && fraction - told < 0.02) return;
      told = fraction;
      this.#hooks.send({ type: 'progress', id, fraction });
    };
    const onLost = ({ code, message }: EngineError) => {
      if (!this.#models.delete(id)) return;
      this.#hooks.send({ type: 'lost', id, error: { code, message } });
      this.#tell();
    };
    const { model, contextSize } = await this.#loader(command)(command, { onProgress, onLost, signal });
    if (this.#hasEnded) return model.unload();
    this.#models.set(id, model);
    this.#hooks.send({ type: 'loaded', id, contextSize, slots, verifiedBytes: null, measuredBytes: null });
  }

  #loader({ mlc, deviceIndex = 0 }: CommandOf<'load'>): Loader {
    return mlc === undefined ? wllamaOn(this.#hooks.isGpu[deviceIndex] === true) : loadWithWebLlm;
  }

  async #start(command: CommandOf<'start'>, signal: AbortSignal): Promise<void> {
    const model = this.#models.get(command.resident);
    if (model === undefined)
      throw new EngineError('DEVICE_LOST', 'That model is not loaded in this browser any more: try again.');
    this.#running++;
    this.#tell();
    try {
      const { id } = command;
      const onPart = ({ text, tokens }: { text: string; tokens: number }) => {
        this.#tokens += tokens;
        this.#hooks.send({ type: 'part', id, text, tokens });
        this.#tellSometimes();
      };
      this.#hooks.send({ type: 'end', id, ...(await model.run(command, onPart, signal)) });
    } finally {
      this.#running--;
    }
  }

  async #unload(id: string): Promise<void> {
    const model = this.#models.get(id);
    this.#models.delete(id);
    await model?.unload();
    this.#tell();
  }

  /** Not at every token: what the page shows may not hold up what it computes. */
  #tellSometimes(): void {
    if (performance.now() - this.#toldAt >= TELL_MS) this.#tell();
  }

  #tell(): void {
    const now = performance.now();
    const rate = ((this.#tokens - this.#toldTokens) * 1000) / Math.max(1, now - this.#toldAt);
    this.#toldAt = now;
    this.#toldTokens = this.#tokens;
    this.#hooks.onChange({
      loaded: this.#models.size,
      running: this.#running,
      tokens: this.#tokens,
      rate: this.#running === 0 ? null : rate,
    });
  }
}

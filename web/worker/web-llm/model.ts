import {
  emptyEnd,
  EngineError,
  type End,
  type Loader,
  type LoadHooks,
  type Model,
  type Part,
  type Start,
} from '../engine.ts';
import type { FromWorker, ToWorker } from './messages.ts';

/** MLC weights on this browser's GPU: web-llm in a Web Worker of its own for each model, so that ending it frees everything. */
export const loadWithWebLlm: Loader = async (load, hooks) => {
  const { mlc, contextSize, files } = load;
  if (mlc === undefined || files === null)
    throw new EngineError('INTERNAL', 'The gateway did not say what web-llm is to load.');
  const absolute = (url: string): string => new URL(url, location.href).href;
  const request = {
    model: absolute(mlc.model),
    library: absolute(mlc.library),
    interface: mlc.interface,
    contextSize,
    files: files.map(({ url, sizeBytes, sha256 = '' }) => ({ url: absolute(url), sizeBytes, sha256 })),
  };
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'web-llm' });
  const model = new WebLlmModel(worker, hooks, load.chatTemplate !== null);
  const stop = () => model.end(new EngineError('INTERNAL', 'The load was cancelled.'));
  hooks.signal.addEventListener('abort', stop, { once: true });
  try {
    await model.ask({ type: 'load', request }, 'loaded');
    return { model, contextSize };
  } catch (error) {
    await model.unload();
    throw error;
  } finally {
    hooks.signal.removeEventListener('abort', stop);
  }
};

type Answer<Type extends FromWorker['type']> = Extract<FromWorker, { type: Type }>;

class WebLlmModel implements Model {
  readonly #worker: Worker;
  readonly #hooks: LoadHooks;
  /** A manifest has set another template than the weights carry; web-llm only knows theirs. */
  readonly #hasOtherTemplate: boolean;
  #isLoaded = false;
  #endedBy: EngineError | null = null;
  #waiting: {
    readonly type: FromWorker['type'];
    readonly resolve: (answer: FromWorker) => void;
    readonly reject: (error: EngineError) => void;
  } | null = null;
  #onPart: (part: Part) => void = () => undefined;

  constructor(worker: Worker, hooks: LoadHooks, hasOtherTemplate: boolean) {
    this.#worker = worker;
    this.#hooks = hooks;
    this.#hasOtherTemplate = hasOtherTemplate;
    worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => this.#take(data));
    worker.addEventListener('error', ({ message }) =>
      this.end(
        new EngineError('BACKEND_CRASHED', `web-llm's worker failed: ${message || 'it did not start'}`),
      ),
    );
  }

  /** One question at a time. @throws EngineError */
  ask<Type extends 'loaded' | 'end'>(question: ToWorker, type: Type): Promise<Answer<Type>> {
    return new Promise((resolve, reject) => {
      if (this.#endedBy !== null) return reject(this.#endedBy);
      this.#waiting = { type, resolve: (answer) => resolve(answer as Answer<Type>), reject };
      this.#send(question);
    });
  }

  async run(start: Start, onPart: (part: Part) => void, signal: AbortSignal): Promise<End> {
    if (this.#hasOtherTemplate && !('text' in start.prompt))
      throw new EngineError(
        'INVALID_INPUT',
        'web-llm cannot use the chat template that a manifest sets for this model: ask for another backend.',
      );
    if (start.maxTokens === 0) return emptyEnd('MAX_TOKENS');
    if (signal.aborted) return emptyEnd('CANCELLED');
    this.#onPart = onPart;
    const cancel = () => this.#send({ type: 'cancel' });
    signal.addEventListener('abort', cancel, { once: true });
    try {
      return (await this.ask({ type: 'start', start }, 'end')).end;
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  async unload(): Promise<void> {
    this.#isLoaded = false;
    this.end(new EngineError('BACKEND_CRASHED', 'The model was unloaded.'));
  }

  /** What was loaded is gone, and what waits for it fails. */
  end(error: EngineError): void {
    if (this.#endedBy !== null) return;
    this.#endedBy = error;
    this.#worker.terminate();
    this.#waiting?.reject(error);
    this.#waiting = null;
    if (this.#isLoaded) this.#hooks.onLost(error);
  }

  #send(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #take(message: FromWorker): void {
    switch (message.type) {
      case 'progress':
        return this.#hooks.onProgress(message.fraction);
      case 'part':
        return this.#onPart(message.part);
      case 'lost':
        return this.end(new EngineError(message.code, message.message));
      case 'failed':
        return this.#answered()?.reject(new EngineError(message.code, message.message));
      case 'loaded':
      case 'end':
        this.#isLoaded = true;
        return this.#answered()?.resolve(message);
    }
  }

  #answered() {
    const waiting = this.#waiting;
    this.#waiting = null;
    return waiting;
  }
}

import { Wllama, type RawCompletionChunk } from '@wllama/wllama';
import { fetchGguf } from './fetch-gguf.ts';
import wasmUrl from '@wllama/wllama/esm/wasm/wllama.wasm?url';
import {
  emptyEnd,
  EngineError,
  type End,
  type Load,
  type LoadHooks,
  type Loaded,
  type Loader,
  type Model,
  type Part,
  type Start,
} from './engine.ts';

/** llama.cpp's build inside wllama. */
export const wllamaVersion = (): string => `wllama ${Wllama.getLibllamaVersion()}`;

/** n_ctx comes in steps of this. */
const CONTEXT_STEP = 256;
/** More than one thread needs a page of its own origin, and was slower wherever the others were busy. */
const THREADS = 1;
/** More than any model has. */
const EVERY_LAYER = 9999;
const ON_GPU = /assigned to device WebGPU/i;
/** What wllama throws for any native exception; its reason is in the log before it. */
const NATIVE_EXCEPTION = /Invalid typed array length/;
const TOO_LONG = /exceeds the available context size|Context size has been exceeded/;

/** A chunk as llama-server gives it; the package's types leave out what was asked for with `verbose`. */
type Chunk = RawCompletionChunk & {
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number };
  readonly timings?: {
    readonly cache_n: number;
    readonly prompt_n: number;
    readonly prompt_ms: number;
    readonly predicted_n: number;
    readonly predicted_ms: number;
  };
  readonly __verbose?: { readonly stop_type?: string };
};

/** GGUF in this browser, on its CPU or on its GPU. */
export const wllamaOn =
  (isGpu: boolean): Loader =>
  (load, hooks) =>
    loadWithWllama(load, hooks, isGpu);

/** @throws EngineError */
async function loadWithWllama(
  load: Load,
  { onProgress, signal }: LoadHooks,
  isGpu: boolean,
): Promise<Loaded> {
  const complaints: string[] = [];
  const native = new NativeLog(complaints);
  // Without the library wllama would wait for ever.
  if (!(await fetch(wasmUrl, { method: 'HEAD', signal })).ok)
    throw new EngineError('BACKEND_UNAVAILABLE', 'The gateway does not serve wllama.wasm: build it again.');
  const blobs = await fetchGguf(load.files ?? [], onProgress, signal);
  const wllama = new Wllama({ default: wasmUrl }, { logger: native });
  // Nothing is ever loaded from elsewhere.
  wllama.setCompat(null);
  const stop = () => void wllama.exit();
  signal.addEventListener('abort', stop, { once: true });
  const contextSize = Math.ceil(load.contextSize / CONTEXT_STEP) * CONTEXT_STEP;
  try {
    await wllama.loadModel(blobs, {
      n_ctx: contextSize * load.slots,
      n_batch: load.batchSize,
      n_gpu_layers: isGpu ? EVERY_LAYER : 0,
      // Only the native log tells where the layers went.
      ...(isGpu && { log_level: 1 }),
      n_threads: THREADS,
      n_parallel: load.slots,
      kv_unified: load.slots === 1,
      ...(load.chatTemplate !== null && { chat_template: load.chatTemplate, jinja: true }),
    });
    const info = wllama.getLoadedContextInfo() as { readonly success?: boolean; readonly n_vocab: number };
    // It also resolves for a file that it could not load.
    if (info.success !== true || info.n_vocab === 0)
      throw new EngineError(
        'VARIANT_NOT_AVAILABLE',
        `wllama cannot load the file: ${complaints.at(-1) ?? 'no reason given'}`,
      );
    if (isGpu && !native.isOnGpu)
      throw new EngineError(
        'BACKEND_UNAVAILABLE',
        'wllama would compute this on the CPU and not on the GPU: ask for another device.',
      );
    return { model: new WllamaModel(wllama, complaints), contextSize };
  } catch (error) {
    await wllama.exit().catch(() => undefined);
    signal.throwIfAborted();
    if (error instanceof EngineError) throw error;
    throw new EngineError(
      'VARIANT_NOT_AVAILABLE',
      `wllama cannot load the file: ${reasonOf(error, complaints)}`,
    );
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** llama.cpp's own words: what it complains of, and where it puts the layers. */
class NativeLog {
  readonly #complaints: string[];
  isOnGpu = false;

  constructor(complaints: string[]) {
    this.#complaints = complaints;
  }

  readonly debug = (...words: unknown[]): void => this.#note(words);
  readonly log = (...words: unknown[]): void => this.#note(words);
  readonly warn = (...words: unknown[]): void => this.#note(words);

  readonly error = (...words: unknown[]): void => {
    this.#note(words);
    if (typeof words[0] === 'string' && !words[0].startsWith('Stack trace')) this.#complaints.push(words[0]);
    if (this.#complaints.length > 20) this.#complaints.shift();
  };

  #note(words: readonly unknown[]): void {
    if (words.some((word) => typeof word === 'string' && ON_GPU.test(word))) this.isOnGpu = true;
  }
}

function reasonOf(error: unknown, complaints: readonly string[]): string {
  const message = error instanceof Error ? error.message : String(error);
  if (!NATIVE_EXCEPTION.test(message)) return message;
  return complaints.findLast((line) => !NATIVE_EXCEPTION.test(line)) ?? message;
}

class WllamaModel implements Model {
  readonly #wllama: Wllama;
  readonly #complaints: string[];

  constructor(wllama: Wllama, complaints: string[]) {
    this.#wllama = wllama;
    this.#complaints = complaints;
  }

  async run(start: Start, onPart: (part: Part) => void, signal: AbortSignal): Promise<End> {
    checkSchema(start.jsonSchema);
    const job = new Job(start, onPart, signal);
    if (start.maxTokens === 0) return emptyEnd('MAX_TOKENS');
    try {
      const options = {
        ...bodyOf(start),
        abortSignal: job.signal,
        onData: (chunk: Chunk) => job.take(chunk),
      };
      if ('text' in start.prompt)
        await this.#wllama.createCompletion({
          ...options,
          prompt: start.prompt.text.toWellFormed(),
        } as never);
      else await this.#wllama.createChatCompletion({ ...options, messages: start.prompt.messages } as never);
      return job.end(job.reason);
    } catch (error) {
      if (job.stoppedBy !== null) return job.end(job.stoppedBy);
      if (signal.aborted) return job.end('CANCELLED');
      if (error instanceof EngineError) throw error;
      const reason = reasonOf(error, this.#complaints);
      if (TOO_LONG.test(reason))
        throw new EngineError(
          'CONTEXT_OVERFLOW',
          `${reason}: shorten the prompt or ask for a larger contextSize.`,
        );
      throw new EngineError('BACKEND_CRASHED', `wllama failed: ${reason}`);
    }
  }

  async unload(): Promise<void> {
    await this.#wllama.exit();
  }
}

/** One wrong request would end every other one that runs: what can be seen beforehand is seen beforehand. */
function checkSchema(schema: unknown): void {
  if (schema === null || schema === undefined || (typeof schema === 'object' && !Array.isArray(schema)))
    return;
  throw new EngineError('INVALID_INPUT', 'jsonSchema must be an object.');
}

/** As llama-server names them: the package's own names are silently ignored. */
function bodyOf({ sampling, maxTokens, stop, jsonSchema }: Start) {
  return {
    stream: true,
    cache_prompt: true,
    verbose: true,
    timings_per_token: true,
    max_tokens: maxTokens ?? -1,
    temperature: sampling.temperature,
    top_k: sampling.topK,
    top_p: sampling.topP,
    min_p: sampling.minP,
    repeat_penalty: sampling.repeatPenalty,
    // -1 is the whole context; wllama takes none below 0, and no context is longer than this.
    repeat_last_n: sampling.repeatLastN < 0 ? 2 ** 20 : sampling.repeatLastN,
    presence_penalty: sampling.presencePenalty,
    frequency_penalty: sampling.frequencyPenalty,
    seed: sampling.seed,
    ...(stop.length > 0 && { stop }),
    ...(jsonSchema !== null && jsonSchema !== undefined && { json_schema: jsonSchema }),
  };
}

/** Counts what comes, and ends it where the context that was asked for is full: wllama only knows the slot's own. */
class Job {
  readonly #start: Start;
  readonly #onPart: (part: Part) => void;
  readonly #full = new AbortController();
  readonly signal: AbortSignal;
  #last: Chunk | null = null;
  #tokens = 0;
  stoppedBy: End['reason'] | null = null;

  constructor(start: Start, onPart: (part: Part) => void, signal: AbortSignal) {
    this.#start = start;
    this.#onPart = onPart;
    this.signal = AbortSignal.any([signal, this.#full.signal]);
  }

  take(chunk: Chunk): void {
    if (this.signal.aborted) return;
    this.#last = { ...chunk, timings: chunk.timings ?? this.#last?.timings } as Chunk;
    const choice = chunk.choices[0] as {
      text?: string;
      delta?: { content?: string | null };
      finish_reason?: string | null;
    };
    const text = choice?.text ?? choice?.delta?.content ?? '';
    const isLast = typeof choice?.finish_reason === 'string';
    const counted = chunk.timings?.predicted_n ?? this.#tokens;
    // The token that ends the text belongs to nobody's text.
    const isEnd = isLast && text === '' && chunk.__verbose?.stop_type === 'eos';
    const tokens = isEnd ? 0 : Math.max(0, counted - this.#tokens);
    this.#tokens += tokens;
    if (text !== '' || tokens > 0) this.#onPart({ text, tokens });
    this.#checkContext(isLast);
  }

  get reason(): End['reason'] {
    const stopped = this.#last?.__verbose?.stop_type;
    if (stopped === 'eos') return 'END_OF_TEXT';
    if (stopped === 'word') return 'STOP_SEQUENCE';
    return this.#tokens === this.#start.maxTokens ? 'MAX_TOKENS' : 'CONTEXT_FULL';
  }

  end(reason: End['reason']): End {
    const { cache_n = 0, prompt_n = 0, prompt_ms = 0, predicted_ms = 0 } = this.#last?.timings ?? {};
    return {
      reason,
      usage: {
        promptTokens: cache_n + prompt_n,
        cachedPromptTokens: cache_n,
        completionTokens: this.#tokens,
      },
      timings: {
        sample: null,
        promptEval: { ms: Math.max(0, prompt_ms), count: prompt_n },
        eval: { ms: Math.max(0, predicted_ms), count: Math.max(0, this.#tokens - 1) },
      },
    };
  }

  /** @throws CONTEXT_OVERFLOW */
  #checkContext(isLast: boolean): void {
    const { cache_n = 0, prompt_n = 0 } = this.#last?.timings ?? {};
    const promptTokens = cache_n + prompt_n;
    const { contextSize } = this.#start;
    if (promptTokens >= contextSize - 1)
      throw new EngineError(
        'CONTEXT_OVERFLOW',
        `The prompt has ${promptTokens} tokens, the context ${contextSize}: shorten it or ask for a larger contextSize.`,
      );
    if (isLast || promptTokens + this.#tokens < contextSize - 1) return;
    this.stoppedBy = this.#tokens === this.#start.maxTokens ? 'MAX_TOKENS' : 'CONTEXT_FULL';
    this.#full.abort();
  }
}

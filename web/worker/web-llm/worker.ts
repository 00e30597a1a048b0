/// <reference lib="webworker" />
import type * as WebLlm from '@mlc-ai/web-llm';
import { EngineError, type Start } from '../engine.ts';
import { Answer, type Template } from './answer.ts';
import { fetchWeights } from './fetch-weights.ts';
import { watchGpu, type GpuWatch } from './gpu-watch.ts';
import type { FromWorker, LoadRequest, ToWorker } from './messages.ts';
import { Samplers } from './samplers.ts';

/** The Web Worker that holds one model on the GPU. */

declare const self: DedicatedWorkerGlobalScope;

/** Each runs the libraries that were made for it, and no others. */
const ENGINES: Record<LoadRequest['interface'], () => Promise<typeof WebLlm>> = {
  FFI: () => import('@mlc-ai/web-llm'),
  // The same as far as it is used here.
  PACKED: () => import('web-llm-packed') as unknown as Promise<typeof WebLlm>,
};

const MODEL = 'model';
/** Of the load, what fetching is; the rest is bringing the weights to the GPU. */
const FETCHING = 0.5;
/** Between an engine's failure and the word of the browser that the GPU is gone. */
const LOSS_KNOWN_MS = 500;

let engine: WebLlm.MLCEngine | null = null;
let template: Template = { stopTokens: [], escaped: new Set() };
const samplers = new Samplers();
const gpu: GpuWatch = watchGpu((message) => {
  // A load that is under way says it itself.
  if (engine !== null) send({ type: 'lost', code: 'DEVICE_LOST', message });
});
let answer: Answer | null = null;

/** TVM's last words before it exits: the exception itself says nothing. */
const fatal: string[] = [];
for (const level of ['log', 'error'] as const) {
  const print = console[level].bind(console);
  console[level] = (...words: unknown[]) => {
    if (typeof words[0] === 'string' && words[0].includes('FATAL')) fatal.push(words[0].slice(0, 500));
    print(...words);
  };
}

const send = (message: FromWorker): void => self.postMessage(message);

async function load({ model, library, contextSize, files, ...request }: LoadRequest): Promise<void> {
  await fetchWeights(files, (fraction) => send({ type: 'progress', fraction: fraction * FETCHING }));
  template = await templateOf(model);
  const { MLCEngine } = await ENGINES[request.interface]();
  const loading = new MLCEngine({
    appConfig: { model_list: [{ model, model_id: MODEL, model_lib: library }] },
    initProgressCallback: ({ progress }) =>
      send({ type: 'progress', fraction: FETCHING + (1 - FETCHING) * Math.min(1, Math.max(0, progress)) }),
    logitProcessorRegistry: new Map([[MODEL, samplers]]),
    logLevel: 'SILENT',
  });
  try {
    // Of a model with a sliding window too, the plan counts a whole context.
    await loading.reload(MODEL, { context_window_size: contextSize, sliding_window_size: -1 });
  } catch (error) {
    throw loadError(error);
  }
  if (gpu.lost !== null) throw loadError(new Error(gpu.lost));
  engine = loading;
  send({ type: 'loaded' });
}

/** What of the model's own conversation template an answer has to know. */
async function templateOf(model: string): Promise<Template> {
  const cache = await caches.open('webllm/config');
  const config = await cache.match(new URL('mlc-chat-config.json', model));
  const { conv_template = {} } = ((await config?.json()) ?? {}) as {
    conv_template?: { stop_token_ids?: number[]; role_templates?: Record<string, string> };
  };
  return {
    stopTokens: conv_template.stop_token_ids ?? [],
    escaped: new Set(['system', ...Object.keys(conv_template.role_templates ?? {})]),
  };
}

/** Memory that could not be had shows in three ways: an error of the device, a lost device, or a plain exception. */
function loadError(error: unknown): EngineError {
  const message = error instanceof Error ? error.message : String(error);
  if (gpu.isOutOfMemory || /out of memory|allocation (?:failed|size)/i.test(message))
    return new EngineError('OUT_OF_MEMORY', `The browser's GPU has no room for the model: ${message}`);
  if (gpu.lost !== null)
    return new EngineError(
      'DEVICE_LOST',
      `The browser's GPU was lost while the model was loaded: ${gpu.lost}`,
    );
  if (error instanceof Error && error.name.startsWith('WebGPUNot'))
    return new EngineError('DEVICE_LOST', "The browser's GPU is not there any more: try again.");
  return new EngineError(
    'VARIANT_NOT_AVAILABLE',
    `web-llm cannot load the model: ${fatal.at(-1) ?? message}`,
  );
}

async function start(request: Start): Promise<void> {
  if (engine === null) throw new EngineError('INTERNAL', 'Nothing is loaded.');
  answer = new Answer({
    engine,
    samplers,
    template,
    start: request,
    onPart: (part) => send({ type: 'part', part }),
  });
  try {
    const end = await answer.run();
    if (gpu.lost === null) send({ type: 'end', end });
  } finally {
    answer = null;
  }
}

async function failed(error: unknown): Promise<void> {
  if (error instanceof EngineError) return send({ type: 'failed', code: error.code, message: error.message });
  // What a lost GPU makes the engine say comes before the loss itself is known; then that is told, and it is enough.
  await new Promise((resolve) => setTimeout(resolve, LOSS_KNOWN_MS));
  if (gpu.lost !== null) return;
  const message = error instanceof Error ? error.message : String(error);
  send({ type: 'failed', code: 'BACKEND_CRASHED', message: `web-llm failed: ${message}` });
}

self.addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === 'load') load(data.request).catch(failed);
  else if (data.type === 'start') start(data.start).catch(failed);
  else answer?.cancel();
});

/// <reference lib="webworker" />
import type { MLCEngine } from '@mlc-ai/web-llm';
import { EngineError, type Start } from '../engine.ts';
import { Answer } from './answer.ts';
import { fetchWeights } from './fetch-weights.ts';
import { watchGpu, type GpuWatch } from './gpu-watch.ts';
import type { FromWorker, LoadRequest, ToWorker } from './messages.ts';
import { Samplers } from './samplers.ts';

/** The Web Worker that holds one model on the GPU. */

declare const self: DedicatedWorkerGlobalScope;

const MODEL = 'model';
/** Of the load, what fetching is; the rest is bringing the weights to the GPU. */
const FETCHING = 0.5;

let engine: MLCEngine | null = null;
let stopTokens: readonly number[] = [];
const samplers = new Samplers();
const gpu: GpuWatch = watchGpu((message) => {
  // A load that is under way says it itself.
  if (engine !== null) send({ type: 'lost', code: 'DEVICE_LOST', message });
});
let answer: Answer | null = null;

const send = (message: FromWorker): void => self.postMessage(message);

async function load({ model, library, contextSize, files }: LoadRequest): Promise<void> {
  await fetchWeights(files, (fraction) => send({ type: 'progress', fraction: fraction * FETCHING }));
  stopTokens = await stopTokensOf(model);
  const { MLCEngine } = await import('@mlc-ai/web-llm');
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

async function stopTokensOf(model: string): Promise<readonly number[]> {
  const cache = await caches.open('webllm/config');
  const config = await cache.match(new URL('mlc-chat-config.json', model));
  const { conv_template } = (await config?.json()) as { conv_template?: { stop_token_ids?: number[] } };
  return conv_template?.stop_token_ids ?? [];
}

/** Memory that could not be had shows in three ways: an error of the device, a lost device, or a plain exception. */
function loadError(error: unknown): EngineError {
  const message = error instanceof Error ? error.message : String(error);
  if (gpu.isOutOfMemory || /out of memory|allocation (?:failed|size)/i.test(message))
    return new EngineError('OUT_OF_MEMORY', `The browser's GPU has no room for the model: ${message}`);
  if (gpu.lost !== null)
    return new EngineError('DEVICE_LOST', `The browser's GPU was lost while the model was loaded: ${gpu.lost}`);
  if (error instanceof Error && error.name.startsWith('WebGPUNot'))
    return new EngineError('DEVICE_LOST', "The browser's GPU is not there any more: try again.");
  return new EngineError('VARIANT_NOT_AVAILABLE', `web-llm cannot load the model: ${message}`);
}

async function start(request: Start): Promise<void> {
  if (engine === null) throw new EngineError('INTERNAL', 'Nothing is loaded.');
  answer = new Answer({ engine, samplers, stopTokens, start: request, onPart: (part) => send({ type: 'part', part }) });
  try {
    const end = await answer.run();
    if (gpu.lost === null) send({ type: 'end', end });
  } finally {
    answer = null;
  }
}

function failed(error: unknown): void {
  if (error instanceof EngineError) send({ type: 'failed', code: error.code, message: error.message });
  // What a lost GPU makes the engine say is told as what it is.
  else if (gpu.lost === null)
    send({
      type: 'failed',
      code: 'BACKEND_CRASHED',
      message: `web-llm failed: ${error instanceof Error ? error.message : String(error)}`,
    });
}

self.addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === 'load') load(data.request).catch(failed);
  else if (data.type === 'start') start(data.start).catch(failed);
  else answer?.cancel();
});

import { setTimeout } from 'node:timers/promises';
import {
  InsufficientMemoryError,
  type Llama,
  type LlamaContext,
  type LlamaContextSequence,
  type LlamaModel,
  type Token,
} from 'node-llama-cpp';
import { MixgateError, messageOf } from '../../../errors.ts';
import type { CommandOf } from '../../../protocol/frames.ts';
import { BatchSchedule } from './batch-schedule.ts';
import { ChatTemplate } from './chat-template.ts';

interface LoadHooks {
  readonly signal: AbortSignal;
  readonly onProgress: (fraction: number) => void;
  /** Device bytes the load is known to take; null where that is not known. */
  readonly neededBytes: number | null;
}

/** A model with its context, and its slots with what each still has in its cache. */
export class LoadedModel {
  readonly #context: LlamaContext;
  readonly #free: LlamaContextSequence[];

  private constructor(
    readonly model: LlamaModel,
    context: LlamaContext,
    {
      slots,
      schedule,
      chatTemplate,
    }: { slots: number; schedule: BatchSchedule; chatTemplate: string | null },
  ) {
    this.schedule = schedule;
    this.llama = model.llama;
    this.#context = context;
    this.#free = Array.from({ length: slots }, () => context.getSequence());
    this.chatTemplate = new ChatTemplate(model, chatTemplate);
  }

  readonly schedule: BatchSchedule;
  readonly llama: Llama;
  readonly chatTemplate: ChatTemplate;

  /** Tokens that one slot holds. */
  get contextSize(): number {
    return this.#context.contextSize;
  }

  get batchSize(): number {
    return this.#context.batchSize;
  }

  get vocabularySize(): number {
    return this.model.fileInfo.metadata.tokenizer.ggml.tokens.length;
  }

  /** @throws OUT_OF_MEMORY, VARIANT_NOT_AVAILABLE */
  static async load(
    llama: Llama,
    request: CommandOf<'load'>,
    { signal, onProgress, neededBytes }: LoadHooks,
  ): Promise<LoadedModel> {
    const complaints = complaintsOf(llama);
    const { path: modelPath, gpuLayers, contextSize, slots, batchSize, kvCacheType } = request;
    try {
      const model = await llama.loadModel({
        modelPath,
        gpuLayers,
        // The gateway has planned; node-llama-cpp's own estimate may not veto what llama.cpp can do.
        ignoreMemorySafetyChecks: true,
        loadSignal: signal,
        onLoadProgress: onProgress,
      });
      const schedule = new BatchSchedule();
      const context = await model.createContext({
        contextSize,
        sequences: slots,
        batchSize,
        batching: { dispatchSchedule: schedule.onPending },
        ignoreMemorySafetyChecks: true,
        failedCreationRemedy: false,
        createSignal: signal,
        ...(kvCacheType === 'F16'
          ? {}
          : { experimentalKvCacheKeyType: kvCacheType, experimentalKvCacheValueType: kvCacheType }),
      });
      return new LoadedModel(model, context, { slots, schedule, chatTemplate: request.chatTemplate });
    } catch (error) {
      if (signal.aborted) throw new MixgateError('INTERNAL', 'The load was cancelled.');
      await setTimeout(LOG_DELAY_MS);
      const { free } = await llama.getVramState();
      throw loadError(error, request, { complaints: complaints.text(), neededBytes, freeBytes: free });
    } finally {
      complaints.stop();
    }
  }

  /** The free slot whose cache shares the longest prefix with the prompt. */
  takeSlot(prompt: readonly Token[]): LlamaContextSequence {
    const best = this.#free
      .map((sequence, index) => ({
        index,
        shared: sequence.compareContextTokens([...prompt]).firstDifferentIndex,
      }))
      .reduce<{ index: number; shared: number } | null>(
        (left, right) => (left !== null && left.shared >= right.shared ? left : right),
        null,
      );
    const sequence = best === null ? undefined : this.#free.splice(best.index, 1)[0];
    if (sequence === undefined) throw new MixgateError('INTERNAL', 'Every slot of this runner is busy.');
    return sequence;
  }

  giveBackSlot(sequence: LlamaContextSequence): void {
    this.#free.push(sequence);
  }

  dispose(): Promise<void> {
    return this.llama.dispose();
  }
}

/** node-llama-cpp passes llama.cpp's log on a moment later. */
const LOG_DELAY_MS = 50;

/** What llama.cpp logs while it loads: its errors say less than its log. */
function complaintsOf(llama: Llama): { text: () => string; stop: () => void } {
  const before = llama.logger;
  let text = '';
  llama.logger = (level, message) => {
    text = (text + message).slice(-4000);
    before(level, message);
  };
  return { text: () => text, stop: () => (llama.logger = before) };
}

/** Words of ggml, llama.cpp and node-llama-cpp for an allocation that failed. */
const NO_MEMORY =
  /out of memory|unable to allocate|failed to allocate|not enough memory|too large to fit|insufficient|VRAM/i;

function loadError(
  error: unknown,
  request: CommandOf<'load'>,
  details: { complaints: string; neededBytes: number | null; freeBytes: number },
): MixgateError {
  const message = messageOf(error);
  // What llama.cpp could lay out without allocating and then cannot load lacks nothing but memory.
  const isMemory =
    details.neededBytes !== null ||
    error instanceof InsufficientMemoryError ||
    NO_MEMORY.test(message + details.complaints);
  if (isMemory) return outOfMemory(request, details.neededBytes, details.freeBytes);
  return new MixgateError('VARIANT_NOT_AVAILABLE', `llama.cpp cannot load ${request.path}: ${message}`, {
    path: request.path,
  });
}

/** @param neededBytes null where it is not known */
export function outOfMemory(
  { path, gpuLayers, contextSize, slots }: CommandOf<'load'>,
  neededBytes: number | null,
  freeBytes: number,
): MixgateError {
  const needed = neededBytes === null ? '' : `it needs ${neededBytes} bytes, `;
  return new MixgateError(
    'OUT_OF_MEMORY',
    `The model did not fit with ${gpuLayers} layers, a context of ${contextSize} and ${slots} slots: ${needed}` +
      `${freeBytes} are free. Ask for less context, fewer layers or a smaller quantization.`,
    { path, neededBytes, freeBytes },
  );
}

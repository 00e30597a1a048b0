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
import { ChatTemplate } from './chat-template.ts';

interface LoadHooks {
  readonly signal: AbortSignal;
  readonly onProgress: (fraction: number) => void;
}

/** A model with its context, and its slots with what each still has in its cache. */
export class LoadedModel {
  readonly #context: LlamaContext;
  readonly #free: LlamaContextSequence[];

  private constructor(
    readonly llama: Llama,
    readonly model: LlamaModel,
    context: LlamaContext,
    slots: number,
  ) {
    this.#context = context;
    this.#free = Array.from({ length: slots }, () => context.getSequence());
    this.chatTemplate = new ChatTemplate(model);
  }

  readonly chatTemplate: ChatTemplate;

  /** Tokens that one slot holds. */
  get contextSize(): number {
    return this.#context.contextSize;
  }

  get batchSize(): number {
    return this.#context.batchSize;
  }

  /** @throws OUT_OF_MEMORY, VARIANT_NOT_AVAILABLE */
  static async load(
    llama: Llama,
    request: CommandOf<'load'>,
    { signal, onProgress }: LoadHooks,
  ): Promise<LoadedModel> {
    const { path, gpuLayers, contextSize, slots, batchSize, kvCacheType } = request;
    try {
      const model = await llama.loadModel({
        modelPath: path,
        gpuLayers,
        // The gateway has planned; node-llama-cpp's own estimate may not veto what llama.cpp can do.
        ignoreMemorySafetyChecks: true,
        loadSignal: signal,
        onLoadProgress: onProgress,
      });
      const context = await model.createContext({
        contextSize,
        sequences: slots,
        batchSize,
        ignoreMemorySafetyChecks: true,
        failedCreationRemedy: false,
        createSignal: signal,
        ...(kvCacheType === 'F16'
          ? {}
          : { experimentalKvCacheKeyType: kvCacheType, experimentalKvCacheValueType: kvCacheType }),
      });
      return new LoadedModel(llama, model, context, slots);
    } catch (error) {
      if (signal.aborted) throw new MixgateError('INTERNAL', 'The load was cancelled.');
      throw loadError(error, path);
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

function loadError(error: unknown, path: string): MixgateError {
  const message = messageOf(error);
  const isMemory = error instanceof InsufficientMemoryError || /memory|alloc|VRAM|context/i.test(message);
  return isMemory
    ? new MixgateError(
        'OUT_OF_MEMORY',
        `The model did not fit: ${message} Ask for less context or fewer layers.`,
        {
          path,
        },
      )
    : new MixgateError('VARIANT_NOT_AVAILABLE', `llama.cpp cannot load ${path}: ${message}`, { path });
}

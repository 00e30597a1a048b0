import { MixgateError } from '../../src/errors.ts';
import type { DeviceKind } from '../../src/routing/device.ts';
import type {
  Backend,
  EndPart,
  GenerationPart,
  LoadRequest,
  Resident,
  RunRequest,
} from '../../src/backends/backend.ts';

interface FakeDevice {
  readonly name: string;
  readonly kind: DeviceKind;
  readonly freeBytes: number;
}

/**
 * A hand-written backend that answers with the prompt's words in turn. Each step waits for `step()`, so that a test
 * can stop in the middle; `crash()` does what a killed runner does.
 */
export class FakeBackend implements Backend {
  readonly id = 'fake';
  readonly capabilities = {
    formats: ['GGUF'],
    partialOffload: false,
    cpuExperts: false,
    multiDevice: false,
    kvCacheTypes: ['F16'],
    batchSize: 512,
  } as const;
  readonly calls: string[] = [];
  readonly #crashes = new Set<(error: Error | null) => void>();
  readonly #devices: readonly FakeDevice[];

  constructor(devices: readonly FakeDevice[] = [{ name: 'cpu', kind: 'CPU', freeBytes: 2 ** 33 }]) {
    this.#devices = devices;
  }

  async describe() {
    this.calls.push('describe');
    const devices = this.#devices.map(({ name, kind, freeBytes }) => ({
      ...{ id: `fake:${name}`, backendId: this.id, name: `Fake ${name}`, kind },
      ...{ memoryTotalBytes: 2 ** 34, memoryFreeBytes: freeBytes, memorySource: 'MEASURED' as const },
      ...{ memoryBandwidth: null, observations: [] },
    }));
    return { version: '1', available: true, unavailableReason: null, devices };
  }

  async load(
    request: LoadRequest,
    { signal, onProgress }: Parameters<Backend['load']>[1],
  ): Promise<Resident> {
    this.calls.push(`load ${request.path}`);
    if (!request.path.endsWith('.gguf'))
      throw new MixgateError('VARIANT_NOT_AVAILABLE', `${request.path} is no model.`);
    for (const fraction of [0, 0.5, 1]) onProgress?.(fraction);
    signal?.throwIfAborted();
    let end: (error: Error | null) => void = () => undefined;
    const gone = new Promise<Error | null>((resolve) => (end = resolve));
    this.#crashes.add(end);
    return {
      slots: request.slots,
      contextSize: request.contextSize,
      verifiedBytes: null,
      measuredBytes: null,
      gone,
      generate: (run, abort) => answer(run, abort, gone),
      unload: async () => {
        this.calls.push('unload');
        end(null);
      },
    };
  }

  crash(): void {
    const error = new MixgateError('BACKEND_CRASHED', 'The fake was told to crash.');
    this.#crashes.forEach((end) => end(error));
  }

  async dispose() {
    this.calls.push('dispose');
  }
}

async function* answer(
  { prompt, maxTokens, stop, contextSize }: RunRequest,
  signal: AbortSignal,
  gone: Promise<Error | null>,
): AsyncGenerator<GenerationPart> {
  const text = 'text' in prompt ? prompt.text : prompt.messages.map(({ content }) => content).join(' ');
  const words: string[] = text.match(/\S+\s*/g) ?? [];
  if (words.length >= contextSize)
    throw new MixgateError('CONTEXT_OVERFLOW', `${words.length} words do not fit in ${contextSize}.`);
  let told = 0;
  const end = (reason: EndPart['reason']): EndPart => ({
    type: 'end',
    reason,
    usage: { promptTokens: words.length, cachedPromptTokens: 0, completionTokens: told },
    timings: { sample: null, promptEval: { ms: 1, count: words.length }, eval: { ms: told, count: told } },
  });
  const endReason = (word: string): EndPart['reason'] | null => {
    if (signal.aborted) return 'CANCELLED';
    if (told === maxTokens) return 'MAX_TOKENS';
    if (words.length + told >= contextSize) return 'CONTEXT_FULL';
    return stop.includes(word.trim()) ? 'STOP_SEQUENCE' : null;
  };
  for (let index = 0; ; index++) {
    const crash = await Promise.race([gone, nextTurn()]);
    if (crash !== null) throw crash;
    const word = words[index % words.length]!;
    const reason = endReason(word);
    if (reason !== null) {
      yield end(reason);
      return;
    }
    told++;
    yield { type: 'text', text: word, tokens: 1 };
  }
}

const nextTurn = (): Promise<null> => new Promise((resolve) => setImmediate(() => resolve(null)));

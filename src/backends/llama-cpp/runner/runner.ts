import os from 'node:os';
import { getLlama, LlamaLogLevel, type Llama } from 'node-llama-cpp';
import { MixgateError, messageOf } from '../../../errors.ts';
import type { Command, CommandOf, Report } from '../../../protocol/frames.ts';
import { runJob } from './job.ts';
import { expectedMemory } from './expected-memory.ts';
import { LoadedModel, outOfMemory } from './loaded-model.ts';
import { runPredict } from './predict.ts';
import { runScore } from './score/run-score.ts';

/** Answers the gateway's frames with node-llama-cpp. Holds at most one model. */
export class Runner {
  readonly #llama: Promise<Llama>;
  readonly #send: (report: Report) => void;
  readonly #cancels = new Map<string, AbortController>();
  #loaded: LoadedModel | null = null;
  /** Host memory of this process before the load; null where the model is on a GPU, which tells by itself. */
  #bytesBefore: number | null = null;

  constructor(gpu: string, send: (report: Report) => void) {
    this.#send = send;
    this.#llama = openLlama(gpu);
    this.#llama.catch(() => undefined); // Reported by the first frame that needs it.
  }

  async receive(command: Command): Promise<void> {
    switch (command.type) {
      case 'describe':
        return this.#send(await describe(await this.#llama, command.id));
      case 'load':
        return this.#cancellable(command.id, (signal) => this.#load(command, signal));
      case 'start':
        return this.#cancellable(command.id, (signal) => this.#start(command, signal));
      case 'score':
        return this.#cancellable(command.id, (signal) => this.#score(command, signal));
      case 'predict':
        return this.#cancellable(command.id, (signal) => this.#predict(command, signal));
      case 'cancel':
        return this.#cancels.get(command.id)?.abort();
      case 'threads':
        (await this.#llama).maxThreads = command.count;
        return;
      case 'unload':
        return this.#loaded?.dispose();
    }
  }

  async #cancellable(id: string, run: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const controller = new AbortController();
    this.#cancels.set(id, controller);
    try {
      await run(controller.signal);
    } finally {
      this.#cancels.delete(id);
    }
  }

  async #load(command: CommandOf<'load'>, signal: AbortSignal): Promise<void> {
    const llama = await this.#llama;
    const { id, budgetBytes } = command;
    const before = await llama.getVramState();
    const bytesBefore = hostBytes();
    if (command.gpuLayers > 0 && before.total === 0) throw deviceLost();
    const expected = await expectedMemory(llama, command);
    if (expected !== null && budgetBytes !== null && expected.deviceBytes > budgetBytes)
      throw outOfMemory(command, expected.deviceBytes, Math.min(budgetBytes, before.free));
    const onProgress = (fraction: number) => this.#send({ type: 'progress', id, fraction });
    const neededBytes = expected?.deviceBytes ?? null;
    this.#loaded = await LoadedModel.load(llama, command, { signal, onProgress, neededBytes });
    const after = await llama.getVramState();
    this.#bytesBefore = after.total === 0 ? bytesBefore : null;
    this.#send({
      type: 'loaded',
      id,
      contextSize: this.#loaded.contextSize,
      slots: command.slots,
      verifiedBytes: neededBytes,
      measuredBytes: after.total === 0 ? null : Math.max(0, after.used - before.used),
    });
  }

  async #start(command: CommandOf<'start'>, signal: AbortSignal): Promise<void> {
    const before = this.#bytesBefore;
    const send = (report: Report) => {
      const isEnd = report.type === 'end' && before !== null;
      this.#send(isEnd ? { ...report, memoryBytes: Math.max(0, hostBytes() - before) } : report);
    };
    await runJob(this.#model(), command, { signal, send });
  }

  async #score(command: CommandOf<'score'>, signal: AbortSignal): Promise<void> {
    await runScore(this.#model(), command, { signal, send: this.#send });
  }

  async #predict(command: CommandOf<'predict'>, signal: AbortSignal): Promise<void> {
    await runPredict(this.#model(), command, { signal, send: this.#send });
  }

  #model(): LoadedModel {
    if (this.#loaded === null) throw new MixgateError('INTERNAL', 'No model is loaded in this runner.');
    return this.#loaded;
  }
}

function deviceLost(): MixgateError {
  return new MixgateError(
    'DEVICE_LOST',
    'The GPU that was planned with is gone: try again, and look at { devices } or `mixgate doctor`.',
  );
}

async function openLlama(gpu: string): Promise<Llama> {
  const llama = await startLlama(gpu);
  if (gpu === 'auto' || gpu === 'off' || llama.gpu === gpu) return llama;
  throw new MixgateError('BACKEND_UNAVAILABLE', `There is no ${gpu} here. Try --gpu auto or --gpu off.`);
}

async function startLlama(gpu: string): Promise<Llama> {
  try {
    return await getLlama({
      // Compiling takes minutes: a machine without a fitting prebuilt binary is told so instead.
      build: 'never',
      gpu: gpu === 'off' ? false : (gpu as 'auto' | 'cuda' | 'vulkan' | 'metal'),
      logLevel: LlamaLogLevel.warn,
      maxThreads: 1,
    });
  } catch (error) {
    throw new MixgateError(
      'BACKEND_UNAVAILABLE',
      `llama.cpp does not start with --gpu ${gpu}: ${messageOf(error)}. Try --gpu auto or --gpu off.`,
    );
  }
}

const KINDS = { cuda: 'CUDA', vulkan: 'VULKAN', metal: 'METAL' } as const;

async function describe(llama: Llama, id: string): Promise<Report> {
  const ram = await llama.getRamState();
  // In a container the machine's memory is not ours: Node knows the limit of the control group.
  const limit = process.constrainedMemory();
  const cpu = {
    name: os.cpus()[0]?.model.trim() ?? 'CPU',
    kind: 'CPU' as const,
    count: 1,
    memoryTotalBytes: Math.min(ram.total, limit > 0 ? limit : Infinity),
    memoryFreeBytes: Math.min(ram.free, process.availableMemory()),
  };
  const gpu = await describeGpu(llama);
  return {
    type: 'device',
    id,
    runtimeVersion: llama.llamaCppRelease.release,
    mathCores: llama.cpuMathCores,
    devices: gpu === null ? [cpu] : [gpu, cpu],
  };
}

/** Null also where a GPU interface is installed but no GPU is there, as with the Vulkan loader alone. */
async function describeGpu(llama: Llama) {
  const { total, free } = await llama.getVramState();
  if (llama.gpu === false || total === 0) return null;
  const names = await llama.getGpuDeviceNames();
  return {
    name: names.join(' + '),
    kind: KINDS[llama.gpu],
    count: Math.max(1, names.length),
    memoryTotalBytes: total,
    memoryFreeBytes: free,
  };
}

/** What this process has in memory, mapped weights that were read included, JavaScript's own heap left out. */
function hostBytes(): number {
  const { rss, heapTotal } = process.memoryUsage();
  return rss - heapTotal;
}

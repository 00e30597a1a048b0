import { MixgateError, messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { ReportOf } from '../../protocol/frames.ts';
import { nominalBandwidth } from '../../routing/bandwidth.ts';
import type { DeviceFacts, RuntimeCapabilities } from '../../routing/device.ts';
import type { Backend, BackendStatus, LoadOptions, LoadRequest, Resident } from '../backend.ts';
import { Gpus, type Gpu } from './gpus.ts';
import { channelResident } from '../channel-resident.ts';
import { request as requestOf } from '../channel.ts';
import { RunnerProcess, type RunnerGpu } from './runner-process.ts';
import { ThreadBudget } from './thread-budget.ts';

export interface LlamaCppOptions {
  readonly gpu: RunnerGpu;
  /** Threads for computing on the CPU, over all residents; null: the machine's cores less one for the gateway. */
  readonly threads: number | null;
  readonly log: Log;
  /** The runner's entry file, where it is not beside this module. */
  readonly runnerEntry?: string | undefined;
  /** Milliseconds of a clock that only goes forward; the system's unless a test says otherwise. */
  readonly now?: (() => number) | undefined;
}

/** A runtime that did not start is started again after so long, doubled with each failure, milliseconds. */
const FIRST_RETRY_MS = 1000;
const MOST_RETRY_MS = 60_000;

const ID = 'llama-cpp';
const CPU_DEVICE = `${ID}:cpu`;

/** node-llama-cpp cannot keep single tensors on the host, so no CPU experts. */
const CAPABILITIES: RuntimeCapabilities = {
  formats: ['GGUF'],
  partialOffload: true,
  cpuExperts: false,
  multiDevice: true,
  kvCacheTypes: ['F16', 'Q8_0', 'Q4_0'],
  batchSize: 512,
  scoring: true,
  prediction: true,
};

/**
 * llama.cpp in child processes, one per resident: a crash ends one model, and ending a process surely frees its
 * memory. The runner that described the machine at the start waits for the first model.
 */
export class LlamaCpp implements Backend {
  readonly id = ID;
  readonly capabilities = CAPABILITIES;
  readonly #options: LlamaCppOptions;
  readonly #threads: ThreadBudget;
  readonly #gpus: Gpus;
  readonly #runners = new Set<RunnerProcess>();
  /** A runner without a model, if there is one. */
  #spare: RunnerProcess | null = null;
  #hasGpu = false;
  /** By device id, where a machine has several GPUs that can be told apart. */
  #single: ReadonlyMap<string, Gpu> = new Map();
  #mathCores = 1;
  /** What it said when it last failed to start, and when it is tried again. */
  #failure: { readonly status: BackendStatus; readonly until: number; readonly waitMs: number } | null = null;

  constructor(options: LlamaCppOptions) {
    this.#options = options;
    this.#gpus = new Gpus(options);
    this.#threads = new ThreadBudget(() => options.threads ?? Math.max(1, this.#mathCores - 1));
  }

  async describe(signal?: AbortSignal): Promise<BackendStatus> {
    const now = this.#options.now ?? (() => performance.now());
    if (this.#failure !== null && now() < this.#failure.until) return this.#failure.status;
    const status = await this.#described(signal);
    const waitMs = Math.min(
      MOST_RETRY_MS,
      this.#failure === null ? FIRST_RETRY_MS : 2 * this.#failure.waitMs,
    );
    this.#failure = status.available ? null : { status, until: now() + waitMs, waitMs };
    return status;
  }

  async #described(signal?: AbortSignal): Promise<BackendStatus> {
    try {
      const report = await this.#report(signal);
      this.#mathCores = report.mathCores;
      const gpu = report.devices.find(({ kind }) => kind !== 'CPU');
      this.#hasGpu = gpu !== undefined;
      const single = gpu === undefined ? [] : await this.#gpus.behind(gpu);
      this.#single = new Map(single.map((each, index) => [`${ID}:gpu${index}`, each]));
      return {
        version: report.runtimeVersion,
        available: true,
        unavailableReason: null,
        devices: deviceFacts(report, this.#single),
      };
    } catch (error) {
      const reason = `${messageOf(error)} Start with --log-level debug to see what the runner printed.`;
      return { version: null, available: false, unavailableReason: reason, devices: [] };
    }
  }

  /** A runner that dies just when it is asked says nothing of the machine: then a fresh one is asked, since others may be dying with it. */
  async #report(signal: AbortSignal | undefined): Promise<ReportOf<'device'>> {
    const ask = (runner: RunnerProcess) => requestOf(runner, { type: 'describe' }, 'device', { signal });
    try {
      return await ask(this.#describer());
    } catch (error) {
      if (error instanceof MixgateError && error.code === 'BACKEND_CRASHED') return ask(this.#freshSpare());
      throw error;
    }
  }

  async load(request: LoadRequest, options: LoadOptions): Promise<Resident> {
    const runner = this.#runnerFor(request.deviceId);
    if (request.hostLimitBytes !== null) runner.limitMemory(request.hostLimitBytes);
    try {
      const { path, chatTemplate, gpuLayers, contextSize, slots, kvCacheType, batchSize, budgetBytes } =
        request;
      const placement = { gpuLayers, contextSize, slots, kvCacheType, batchSize, budgetBytes };
      const loaded = await requestOf(
        runner,
        { type: 'load', path, files: null, chatTemplate, ...placement },
        'loaded',
        options,
      );
      const computing = { setThreads: (count: number) => runner.send({ type: 'threads', count }) };
      void runner.gone.then(() => this.#threads.update(computing, false));
      return channelResident(runner, loaded, {
        gone: runner.gone,
        onBusy: (busy) => this.#threads.update(computing, busy > 0),
        unload: () => runner.stop(),
        canScore: true,
        canPredict: true,
      });
    } catch (error) {
      await runner.stop();
      throw error;
    }
  }

  async dispose(): Promise<void> {
    await Promise.all([...this.#runners].map((runner) => runner.stop()));
  }

  /** Any runner that sees every device will do. */
  #describer(): RunnerProcess {
    const loaded = [...this.#runners].find(
      ({ gpu, isAlive, isConfined }) => isAlive && !isConfined && gpu === this.#options.gpu,
    );
    return loaded ?? this.#freshSpare();
  }

  #freshSpare(): RunnerProcess {
    this.#spare = this.#spawn(this.#options.gpu);
    return this.#spare;
  }

  /** A runner for the CPU of a machine with a GPU must not see the GPU: only then it takes none of its memory. */
  #runnerFor(deviceId: string): RunnerProcess {
    if (deviceId === CPU_DEVICE && this.#hasGpu) return this.#spawn('off');
    const single = this.#single.get(deviceId);
    if (single !== undefined) return this.#spawn(this.#options.gpu, single.environment);
    const spare = this.#spare;
    this.#spare = null;
    return spare?.isAlive === true ? spare : this.#spawn(this.#options.gpu);
  }

  #spawn(gpu: RunnerGpu, environment?: Readonly<Record<string, string>>): RunnerProcess {
    const { log, runnerEntry: entry } = this.#options;
    const runner = new RunnerProcess({ gpu, environment, log, entry });
    this.#runners.add(runner);
    void runner.gone.then(() => this.#runners.delete(runner));
    return runner;
  }
}

/** GPUs that cannot be told apart are one device: llama.cpp spreads a model over all it sees and reports their sum. */
function deviceFacts({ devices }: ReportOf<'device'>, single: ReadonlyMap<string, Gpu>): DeviceFacts[] {
  return devices.flatMap((device) => {
    if (device.kind === 'CPU') return [facts(CPU_DEVICE, device)];
    return single.size > 0 ? [...single].map(([id, gpu]) => facts(id, gpu)) : [facts(`${ID}:gpu`, device)];
  });
}

function facts(
  id: string,
  { name, kind, count, memoryTotalBytes, memoryFreeBytes }: ReportOf<'device'>['devices'][number],
): DeviceFacts {
  return {
    id,
    backendId: ID,
    name,
    kind,
    memoryTotalBytes,
    memoryFreeBytes: Math.min(memoryFreeBytes, memoryTotalBytes),
    memorySource: 'MEASURED',
    units: count,
    memoryBandwidth: kind === 'CPU' ? null : nominalBandwidth(name),
    observations: [],
  };
}

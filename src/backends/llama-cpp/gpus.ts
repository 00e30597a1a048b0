import { isDeepStrictEqual } from 'node:util';
import type { Log } from '../../log.ts';
import type { ReportOf } from '../../protocol/frames.ts';
import { request } from '../channel.ts';
import { RunnerProcess, type RunnerGpu } from './runner-process.ts';

type DeviceReport = ReportOf<'device'>['devices'][number];

/** A GPU that a runner can be confined to. */
export interface Gpu extends DeviceReport {
  /** Confines a runner to this GPU. */
  readonly environment: Readonly<Record<string, string>>;
}

interface GpusOptions {
  readonly gpu: RunnerGpu;
  readonly log: Log;
  readonly runnerEntry?: string | undefined;
}

/** Which variable hides devices from a GPU interface. */
const VISIBLE_DEVICES = { CUDA: 'CUDA_VISIBLE_DEVICES', VULKAN: 'GGML_VK_VISIBLE_DEVICES' } as const;
/** Sums that differ by less than this share of the memory say the same of the single devices. */
const SAME_SHARE = 1 / 200;

/**
 * The single GPUs of a machine with several. llama.cpp reports their memory as one sum, so each is asked through a
 * short-lived runner that sees nothing else; again only when the sum has changed.
 */
export class Gpus {
  readonly #options: GpusOptions;
  #sum: DeviceReport | null = null;
  #gpus: Promise<readonly Gpu[]> = Promise.resolve([]);

  constructor(options: GpusOptions) {
    this.#options = options;
  }

  /** None where the GPUs cannot be told apart: then only their sum is known. */
  behind(sum: DeviceReport): Promise<readonly Gpu[]> {
    if (sum.count === 1 || !(sum.kind in VISIBLE_DEVICES)) return Promise.resolve([]);
    if (this.#sum === null || !isSame(this.#sum, sum)) {
      this.#sum = sum;
      this.#gpus = this.#probe(sum);
    }
    return this.#gpus;
  }

  async #probe({ kind, count }: DeviceReport): Promise<readonly Gpu[]> {
    const variable = VISIBLE_DEVICES[kind as keyof typeof VISIBLE_DEVICES];
    const visible =
      process.env[variable]?.split(',') ?? Array.from({ length: count }, (_, index) => `${index}`);
    const found = await Promise.all(visible.slice(0, count).map((entry) => this.#ask({ [variable]: entry })));
    const single = found.filter((gpu) => gpu?.count === 1) as Gpu[];
    return single.length === count ? single : [];
  }

  async #ask(environment: Record<string, string>): Promise<Gpu | null> {
    const { gpu, log, runnerEntry: entry } = this.#options;
    const runner = new RunnerProcess({ gpu, environment, log, entry });
    try {
      const { devices } = await request(runner, { type: 'describe' }, 'device', {});
      const found = devices.find(({ kind }) => kind !== 'CPU');
      return found === undefined ? null : { ...found, environment };
    } catch {
      return null; // What cannot be confined stays part of the sum; the runner has logged why it ended.
    } finally {
      await runner.stop();
    }
  }
}

function isSame(
  { memoryFreeBytes: before, ...one }: DeviceReport,
  { memoryFreeBytes, ...other }: DeviceReport,
) {
  return (
    Math.abs(before - memoryFreeBytes) < SAME_SHARE * one.memoryTotalBytes && isDeepStrictEqual(one, other)
  );
}

import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Plan } from '../../routing/plan.ts';
import type { EnergyMeter, EnergySpan } from './energy.ts';

interface NvidiaEnergyOptions {
  readonly command?: string;
  /** Milliseconds between readings. */
  readonly intervalMs?: number;
  readonly now?: () => number;
}

/** One line of `nvidia-smi --query-gpu=index,name,power.draw --format=csv,noheader,nounits`. */
export interface PowerReading {
  readonly index: number;
  readonly name: string;
  readonly watts: number;
}

/** Null for a board that does not tell its power (`[N/A]`), and for what is no such line. */
export function parsePower(line: string): PowerReading | null {
  const [index = '', ...rest] = line.split(',').map((field) => field.trim());
  const watts = rest.pop();
  if (watts === undefined || rest.length === 0 || !/^\d+$/.test(index) || !/^\d+(\.\d+)?$/.test(watts))
    return null;
  return { index: Number(index), name: rest.join(','), watts: Number(watts) };
}

interface Sample {
  readonly at: number;
  readonly watts: number;
}

/** Power over time, trapezoids; at either end the nearest reading holds. Joules; null with fewer than two readings. */
export function integrate(samples: readonly Sample[], fromMs: number, toMs: number): number | null {
  const within = samples.filter(({ at }) => at >= fromMs && at <= toMs);
  const [first, last] = [within[0], within.at(-1)];
  if (first === undefined || last === undefined || within.length < 2) return null;
  let wattMs = (first.at - fromMs) * first.watts + (toMs - last.at) * last.watts;
  for (let index = 1; index < within.length; index++) {
    const [before, after] = [within[index - 1]!, within[index]!];
    wattMs += ((before.watts + after.watts) / 2) * (after.at - before.at);
  }
  return wattMs / 1000;
}

/** The readings of the GPU that a plan uses: the only one there is, or the one in its place, if it has its name. */
export function readingsOf<Reading extends PowerReading>(
  { shares, deviceName }: Pick<Plan, 'shares' | 'deviceName'>,
  readings: readonly Reading[],
): Reading[] {
  const indices = new Set(readings.map(({ index }) => index));
  if (indices.size === 1) return [...readings];
  const [share, ...more] = shares;
  const place = /gpu(\d+)$/.exec(share?.deviceId ?? '')?.[1];
  if (place === undefined || more.length > 0) return [];
  // CUDA may count in another order than nvidia-smi: the name shows where it does.
  return readings.filter(({ index, name }) => index === Number(place) && name === deviceName);
}

/** What the NVIDIA driver says of a board's power, through nvidia-smi. The whole board, what it takes idle included. */
export class NvidiaEnergy implements EnergyMeter {
  readonly #options: Required<NvidiaEnergyOptions>;
  #isMissing = false;

  constructor({ command = 'nvidia-smi', intervalMs = 100, now = Date.now }: NvidiaEnergyOptions = {}) {
    this.#options = { command, intervalMs, now };
  }

  begin(plan: Plan): EnergySpan | null {
    // With some of the GPUs hidden from mixgate, nobody knows which reading is whose.
    if (this.#isMissing || (process.env['CUDA_VISIBLE_DEVICES'] ?? '') !== '') return null;
    const { now } = this.#options;
    const from = now();
    const readings: (PowerReading & Sample)[] = [];
    const child = this.#query();
    child.once('error', () => (this.#isMissing = true));
    const gone = new Promise<void>((resolve) => {
      child.once('error', () => resolve());
      child.once('close', () => resolve());
    });
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const reading = parsePower(line);
      if (reading !== null) readings.push({ ...reading, at: now() });
    });
    return {
      end: async () => {
        const to = now();
        child.kill();
        await gone;
        return integrate(readingsOf(plan, readings), from, to);
      },
    };
  }

  #query(): ChildProcess {
    const { command, intervalMs } = this.#options;
    const query = ['--query-gpu=index,name,power.draw', '--format=csv,noheader,nounits'];
    return spawn(command, [...query, '-lms', String(intervalMs)], { stdio: ['ignore', 'pipe', 'ignore'] });
  }
}

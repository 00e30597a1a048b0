import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { EnergyMeter, EnergySpan } from './energy.ts';

interface RaplEnergyOptions {
  readonly folder?: string;
  /** Milliseconds between readings: less than the counter takes to go round. */
  readonly intervalMs?: number;
  readonly now?: () => number;
}

/** A counter of microjoules that starts anew at `range`. */
interface Counter {
  readonly file: string;
  readonly rangeMicrojoules: number;
}

/** The counter moves about once a millisecond: over less than this, its steps are all there is to see. */
const LEAST_MS = 20;

/**
 * RAPL: what the processor packages have consumed, as Linux tells it in sysfs (Documentation/power/powercap). All that
 * runs on them counts. Mostly for root alone to read.
 */
export class RaplEnergy implements EnergyMeter {
  readonly #options: Required<RaplEnergyOptions>;

  constructor({ folder = '/sys/class/powercap', intervalMs = 5000, now = Date.now }: RaplEnergyOptions = {}) {
    this.#options = { folder, intervalMs, now };
  }

  begin(): EnergySpan | null {
    const { intervalMs, now } = this.#options;
    const counters = this.#counters();
    const started = readAll(counters);
    if (started === null) return null;
    const from = now();
    let last: readonly number[] | null = started;
    let microjoules = 0;
    const advance = () => {
      const next = last === null ? null : readAll(counters);
      next?.forEach((value, index) => {
        const passed = value - last![index]!;
        microjoules += passed < 0 ? passed + counters[index]!.rangeMicrojoules : passed;
      });
      last = next;
    };
    const timer = setInterval(advance, intervalMs).unref();
    return {
      end: async () => {
        clearInterval(timer);
        advance();
        return last === null || now() - from < LEAST_MS ? null : microjoules / 1e6;
      },
    };
  }

  /** Of whole packages: their parts (cores, uncore) are counted in them. */
  #counters(): Counter[] {
    const { folder } = this.#options;
    try {
      return readdirSync(folder)
        .filter((name) => /^intel-rapl:\d+$/.test(name))
        .map((name) => path.join(folder, name))
        .filter((zone) => readFileSync(path.join(zone, 'name'), 'utf8').startsWith('package'))
        .map((zone) => ({
          file: path.join(zone, 'energy_uj'),
          rangeMicrojoules: Number(readFileSync(path.join(zone, 'max_energy_range_uj'), 'utf8')),
        }));
    } catch {
      return [];
    }
  }
}

/** Null where there is none, or one of them may not be read. */
function readAll(counters: readonly Counter[]): number[] | null {
  if (counters.length === 0) return null;
  try {
    const values = counters.map(({ file }) => Number(readFileSync(file, 'utf8')));
    return values.every(Number.isFinite) ? values : null;
  } catch {
    return null;
  }
}

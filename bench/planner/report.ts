import Table from 'cli-table3';
import { allowedExcessBytes, type Comparison, type Reference } from '../../test/support/breakdowns.ts';
import type { Measured } from './measure.ts';

const MIB = 2 ** 20;

interface Spread {
  readonly min: number;
  readonly median: number;
  readonly p95: number;
  readonly max: number;
}

/** How far the planner is from llama.cpp in one group of loads. */
export interface Group {
  readonly name: string;
  readonly part: 'full offload' | 'partly offloaded';
  /** Decides whether the bench passes. */
  readonly isMain: boolean;
  readonly cases: number;
  /** Cases that llama.cpp could not tell. */
  readonly failed: number;
  /** Cases in which the planner says less than llama.cpp takes. */
  readonly below: number;
  /** Cases in which it says so much more that it is of little use. */
  readonly beyond: number;
  /** Planner less llama.cpp; null where there was nothing to compare. */
  readonly errorMib: Spread | null;
  readonly errorPercent: Spread | null;
  /** Those that failed, are below or beyond, one by one. */
  readonly offences: readonly Offence[];
}

interface Offence extends Comparison {
  readonly reference: Reference;
}

export function groupsOf(measured: readonly Measured[]): Group[] {
  const names = [...new Set(measured.map(nameOf))];
  return names.flatMap((name) => {
    const own = measured.filter((each) => nameOf(each) === name);
    const all = own.flatMap(({ reference, comparisons }) =>
      comparisons.map((each) => ({ reference, ...each })),
    );
    const isMain = own.some((each) => each.isMain);
    const parts = [
      ['full offload', all.filter(({ isWhole }) => isWhole)],
      ['partly offloaded', all.filter(({ isWhole }) => !isWhole)],
    ] as const;
    return parts.map(([part, comparisons]) => ({ name, part, isMain, ...figures(comparisons) }));
  });
}

function nameOf({ reference: { modelId, mix }, isMain }: Measured): string {
  return `${modelId}${mix === 'today' ? '' : ` ${mix}`}${isMain ? '' : ', variations'}`;
}

function figures(comparisons: readonly Offence[]): Omit<Group, 'name' | 'part' | 'isMain'> {
  const told = comparisons.flatMap(({ llamaCppBytes, footprintBytes, isWhole }) =>
    llamaCppBytes === null ? [] : [{ llamaCppBytes, error: footprintBytes - llamaCppBytes, isWhole }],
  );
  return {
    cases: comparisons.length,
    failed: comparisons.length - told.length,
    below: told.filter(({ error }) => error < 0).length,
    beyond: told.filter((each) => each.error > allowedExcessBytes(each.llamaCppBytes, each.isWhole)).length,
    errorMib: spread(told.map(({ error }) => error / MIB)),
    errorPercent: spread(told.map(({ error, llamaCppBytes }) => (100 * error) / llamaCppBytes)),
    offences: comparisons.filter(isOffence),
  };
}

function isOffence({ llamaCppBytes, footprintBytes, isWhole }: Comparison): boolean {
  if (llamaCppBytes === null || footprintBytes < llamaCppBytes) return true;
  return footprintBytes - llamaCppBytes > allowedExcessBytes(llamaCppBytes, isWhole);
}

/** A line for each load that the planner would let run out of memory, or that llama.cpp could not tell. */
export function seriousOffences(groups: readonly Group[]): string[] {
  return groups
    .flatMap(({ offences }) => offences)
    .filter(({ llamaCppBytes, footprintBytes }) => llamaCppBytes === null || footprintBytes < llamaCppBytes)
    .map(({ reference, layout, llamaCppBytes, footprintBytes }) => {
      const error = llamaCppBytes === null ? 'not told' : `${footprintBytes - llamaCppBytes} bytes`;
      const { modelId, quantization, mix } = reference;
      return `${error}: ${modelId} ${quantization} of ${mix} ${JSON.stringify(layout)}`;
    });
}

function spread(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  return { min: at(0), median: at(0.5), p95: at(0.95), max: at(1) };
}

/** Nothing of the main matrix is below llama.cpp, beyond the bounds or unknown; the variations are only told. */
export function passes(groups: readonly Group[]): boolean {
  return groups
    .filter(({ isMain }) => isMain)
    .every(({ failed, below, beyond }) => failed + below + beyond === 0);
}

export function table(groups: readonly Group[]): string {
  const rows = new Table({
    head: ['model', 'layers', 'cases', 'failed', 'below', 'beyond', ...columns('MiB'), ...columns('%')],
    colAligns: ['left', 'left', ...Array<'right'>(12).fill('right')],
    style: { head: [], border: [], compact: true },
  });
  for (const { name, part, cases, failed, below, beyond, errorMib, errorPercent } of groups)
    rows.push([name, part, cases, failed, below, beyond, ...cells(errorMib, 1), ...cells(errorPercent, 2)]);
  return rows.toString();
}

const columns = (unit: string): string[] => [`min ${unit}`, 'median', 'p95', 'max'];

function cells(values: Spread | null, digits: number): string[] {
  if (values === null) return ['', '', '', ''];
  const { min, median, p95, max } = values;
  return [min, median, p95, max].map((value) => value.toFixed(digits));
}

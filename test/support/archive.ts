import path from 'node:path';
import { Archive, type VariantMemory } from '../../src/generation/history/archive.ts';
import type { ComparisonFilter } from '../../src/generation/history/comparison-columns.ts';
import type { EvaluationFilter } from '../../src/generation/history/evaluation-columns.ts';
import type { GenerationFilter } from '../../src/generation/history/generation-columns.ts';
import { History, type HistoryOptions } from '../../src/generation/history/history.ts';
import { recordingLog } from './recording-log.ts';

/** As the composition root makes it, but for how patient it is; off where it is given nothing to open. */
export function historyOf(options: Partial<HistoryOptions>): History {
  return new History({
    open: null,
    keep: { ms: null, bytes: null },
    pending: { count: 1000, bytes: 2 ** 26 },
    retryMs: { first: 20, most: 100 },
    sweepMs: 60_000,
    log: recordingLog().log,
    now: Date.now,
    ...options,
  });
}

export const archiveOff = (variants: VariantMemory): Archive => new Archive(historyOf({}), variants);

const CREATED = { callerId: null, createdFrom: null, createdBefore: null };

/** Filters that ask for nothing. */
export const ANY_GENERATION: GenerationFilter = {
  ...CREATED,
  ...{ modelId: null, quantization: null, backendId: null, deviceId: null, states: null, language: null },
  ...{ hasDrifted: null, comparisonId: null, isLane: null, search: null },
};
export const ANY_COMPARISON: ComparisonFilter = { ...CREATED, modelId: null, hasVotes: null, search: null };
export const ANY_EVALUATION: EvaluationFilter = { ...CREATED, modelId: null };

/** Nothing is known of any. */
export const NO_VARIANTS: VariantMemory = { findEntry: () => null, remember: () => undefined };

/** The thread of SQLite, as it was built. */
export const SQLITE_ENTRY = path.resolve(import.meta.dirname, '../../dist/store/sqlite-worker.js');

import type { Comparison } from '../comparison/comparison.ts';
import { promptText, searchTextOf } from './search-text.ts';

/** What comparisons are found by. Times are milliseconds since 1970. */
export interface ComparisonColumns {
  readonly id: string;
  readonly callerId: string;
  readonly createdAt: number;
  readonly isRevealed: boolean;
  readonly modelIds: readonly string[];
  readonly hasVotes: boolean;
  /** Prompt and answers in lower case. */
  readonly searchText: string;
}

/** Null: not asked. All that is asked must hold. */
export interface ComparisonFilter {
  /** Who asked for it. */
  readonly callerId: string | null;
  /** Of any lane. */
  readonly modelId: string | null;
  readonly hasVotes: boolean | null;
  /** In the prompt or an answer, whatever the case. */
  readonly search: string | null;
  readonly createdFrom: number | null;
  readonly createdBefore: number | null;
}

export function comparisonColumns(comparison: Comparison): ComparisonColumns {
  const generations = comparison.lanes.map(({ generation }) => generation);
  return {
    id: comparison.id,
    callerId: comparison.callerId,
    createdAt: comparison.createdAt.getTime(),
    isRevealed: comparison.isRevealed,
    modelIds: [...new Set(generations.map(({ request }) => request.model))],
    hasVotes: comparison.votes.length > 0,
    // Long, and seldom asked for.
    get searchText() {
      const answers = generations.map(({ text }) => text);
      return searchTextOf(promptText(generations[0]!.request.prompt), ...answers);
    },
  };
}

/** As the store's own query decides. */
export function matchesComparison(columns: ComparisonColumns, filter: ComparisonFilter): boolean {
  const { callerId, modelId, hasVotes, search, createdFrom, createdBefore } = filter;
  return (
    (callerId === null || columns.callerId === callerId) &&
    (modelId === null || columns.modelIds.includes(modelId)) &&
    (hasVotes === null || hasVotes === columns.hasVotes) &&
    (search === null || columns.searchText.includes(searchTextOf(search))) &&
    (createdFrom === null || columns.createdAt >= createdFrom) &&
    (createdBefore === null || columns.createdAt < createdBefore)
  );
}

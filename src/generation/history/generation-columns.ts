import type { Generation } from '../generation.ts';
import type { GenerationState } from '../events.ts';
import { promptText, searchTextOf } from './search-text.ts';

/** What generations are found by. Times are milliseconds since 1970. */
export interface GenerationColumns {
  readonly id: string;
  readonly callerId: string;
  readonly comparisonId: string | null;
  readonly createdAt: number;
  readonly state: GenerationState;
  readonly modelId: string;
  readonly variantId: string | null;
  readonly quantization: string | null;
  readonly backendId: string | null;
  readonly deviceId: string | null;
  /** Of the answer, ISO 639-1. */
  readonly language: string | null;
  readonly hasDrifted: boolean;
  /** Prompt and answer in lower case. */
  readonly searchText: string;
}

/** Null: not asked. All that is asked must hold. */
export interface GenerationFilter {
  /** Who asked for it. */
  readonly callerId: string | null;
  readonly modelId: string | null;
  readonly quantization: string | null;
  readonly backendId: string | null;
  readonly deviceId: string | null;
  readonly states: readonly GenerationState[] | null;
  readonly language: string | null;
  readonly hasDrifted: boolean | null;
  readonly comparisonId: string | null;
  /** Whether it is a lane of a comparison. */
  readonly isLane: boolean | null;
  /** In prompt or answer, whatever the case. */
  readonly search: string | null;
  readonly createdFrom: number | null;
  readonly createdBefore: number | null;
}

export function generationColumns(generation: Generation): GenerationColumns {
  const { request, plan, language } = generation;
  return {
    id: generation.id,
    callerId: generation.callerId,
    comparisonId: generation.comparisonId,
    createdAt: generation.createdAt.getTime(),
    state: generation.state,
    modelId: request.model,
    variantId: plan?.variantId ?? null,
    quantization: plan?.quantization ?? null,
    backendId: plan?.backendId ?? null,
    deviceId: plan?.deviceId ?? null,
    language: language?.answerLanguage ?? null,
    hasDrifted: language !== null && language.driftOffset !== null,
    // Long, and seldom asked for.
    get searchText() {
      return searchTextOf(promptText(request.prompt), generation.text);
    },
  };
}

/** What would tell which lane of a blind comparison runs what. */
const TELLING = ['modelId', 'quantization', 'backendId', 'deviceId'] as const;

/** Whether a filter asks for what a concealed generation does not tell; none is found by it. */
export const asksForConcealed = (filter: GenerationFilter): boolean =>
  TELLING.some((name) => filter[name] !== null);

const EXACT = [...TELLING, 'callerId', 'language', 'hasDrifted', 'comparisonId'] as const;

/** As the store's own query decides. */
export function matchesGeneration(
  columns: GenerationColumns,
  filter: GenerationFilter,
  isConcealed: boolean,
): boolean {
  const { states, isLane, search, createdFrom, createdBefore } = filter;
  return (
    EXACT.every((name) => filter[name] === null || filter[name] === columns[name]) &&
    !(isConcealed && asksForConcealed(filter)) &&
    (states === null || states.includes(columns.state)) &&
    (isLane === null || isLane === (columns.comparisonId !== null)) &&
    (search === null || columns.searchText.includes(searchTextOf(search))) &&
    (createdFrom === null || columns.createdAt >= createdFrom) &&
    (createdBefore === null || columns.createdAt < createdBefore)
  );
}

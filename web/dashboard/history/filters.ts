import type { ComparisonFilter, EvaluationFilter, GenerationFilter } from './documents.ts';

export const KINDS = ['generations', 'comparisons', 'evaluations'] as const;
export type Kind = (typeof KINDS)[number];

/** What `state` may be, and which states of a generation it stands for. */
export const STATES = {
  RUNNING: ['QUEUED', 'LOADING', 'PREFILL', 'DECODING'],
  COMPLETED: ['COMPLETED'],
  FAILED: ['FAILED'],
  CANCELLED: ['CANCELLED'],
} as const;
export type StateName = keyof typeof STATES;
export const STATE_NAMES = Object.keys(STATES) as StateName[];

const NAMES = [
  'search',
  'model',
  'quantization',
  'state',
  'language',
  'drifted',
  'lanes',
  'voted',
  'from',
  'until',
] as const;
type FilterName = (typeof NAMES)[number];

/** As typed and chosen, and as it stands in the address; empty does not ask. Dates are days where the reader is. */
export type Filters = Readonly<Record<FilterName, string>> & { readonly kind: Kind };

export function filtersOf(query: string): Filters {
  const given = new URLSearchParams(query);
  const texts = Object.fromEntries(NAMES.map((name) => [name, given.get(name) ?? '']));
  const kind = KINDS.find((each) => each === given.get('kind')) ?? 'generations';
  return { ...(texts as Record<FilterName, string>), kind };
}

/** The address of what is shown: whoever has it sees the same. */
export function queryOf(filters: Filters): string {
  const query = new URLSearchParams();
  if (filters.kind !== 'generations') query.set('kind', filters.kind);
  for (const name of NAMES) if (filters[name] !== '') query.set(name, filters[name]);
  return query.toString();
}

export const isEnded = (state: string): boolean => !(STATES.RUNNING as readonly string[]).includes(state);
const isStateName = (name: string): name is StateName => name in STATES;
const textOf = (text: string): string | null => (text.trim() === '' ? null : text.trim());
const ANSWERS: Readonly<Record<string, boolean>> = { yes: true, no: false };

/** Where the day begins, or the one after it. Null for what is no day. */
function instantOf(day: string, daysLater: number): string | null {
  const start = new Date(`${day}T00:00`);
  start.setDate(start.getDate() + daysLater);
  return Number.isNaN(start.getTime()) ? null : start.toISOString();
}

const created = ({ from, until }: Filters) => ({
  createdFrom: instantOf(from, 0),
  createdBefore: instantOf(until, 1),
});

export const generationFilter = (filters: Filters): GenerationFilter => ({
  ...created(filters),
  search: textOf(filters.search),
  model: textOf(filters.model),
  quantization: textOf(filters.quantization),
  states: isStateName(filters.state) ? [...STATES[filters.state]] : null,
  language: textOf(filters.language),
  drifted: ANSWERS[filters.drifted] ?? null,
  isLane: ANSWERS[filters.lanes] ?? null,
});

export const comparisonFilter = (filters: Filters): ComparisonFilter => ({
  ...created(filters),
  search: textOf(filters.search),
  model: textOf(filters.model),
  voted: ANSWERS[filters.voted] ?? null,
});

export const evaluationFilter = (filters: Filters): EvaluationFilter => ({
  ...created(filters),
  model: textOf(filters.model),
});

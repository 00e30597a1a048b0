import type { Filters } from './filters.ts';

/** Of a list of one kind. */
export interface ListProps {
  readonly filters: Filters;
  readonly isFiltered: boolean;
}

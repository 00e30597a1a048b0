import { useCallback, useState } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { usePolled } from '../api/use-polled.ts';
import { CHOICES, CHOICES_POLL_MS } from '../parts/choices.ts';
import { useTitle } from '../shell/use-title.ts';
import { RoleNote } from '../sign-in/role-note.tsx';
import { useMay } from '../sign-in/use-account.tsx';
import { useSpeech } from '../text/language.tsx';
import { ClearForm } from './clear-form.tsx';
import { ComparisonList } from './comparison-list.tsx';
import { EvaluationList } from './evaluation-list.tsx';
import { FilterForm, type Known } from './filter-form.tsx';
import { filtersOf, KINDS, queryOf, type Filters } from './filters.ts';
import { GenerationList } from './generation-list.tsx';
import { StatusLine } from './status-line.tsx';

const LISTS = { generations: GenerationList, comparisons: ComparisonList, evaluations: EvaluationList };

const addressOf = (filters: Filters): string => {
  const query = queryOf(filters);
  return query === '' ? '/history' : `/history?${query}`;
};

/** What is kept, of one kind at a time. What is asked for stands in the address: a link shares it, and back goes back. */
export function Overview() {
  const { texts } = useSpeech();
  useTitle(texts.history.title);
  const [, navigate] = useLocation();
  const filters = filtersOf(useSearch());
  const change = useCallback((next: Filters) => navigate(addressOf(next)), [navigate]);
  const known = useKnown();
  /** Counts what has changed the lists from here. */
  const [changes, setChanges] = useState(0);
  const mayClear = useMay('ADMIN');
  const List = LISTS[filters.kind];
  const unfiltered = filtersOf(`kind=${filters.kind}`);
  const isFiltered = queryOf(filters) !== queryOf(unfiltered);
  return (
    <>
      <h1>{texts.history.title}</h1>
      <StatusLine />
      <nav className="kinds" aria-label={texts.history.title}>
        {KINDS.map((kind) => (
          <Link
            key={kind}
            href={addressOf({ ...filters, kind })}
            aria-current={kind === filters.kind ? 'page' : undefined}
          >
            {texts.history.kinds[kind]}
          </Link>
        ))}
      </nav>
      <FilterForm key={filters.kind} filters={filters} known={known} onChange={change} />
      {isFiltered && (
        <p>
          <Link href={addressOf(unfiltered)}>{texts.history.noFilters}</Link>
        </p>
      )}
      <List key={`${filters.kind} ${changes}`} filters={filters} isFiltered={isFiltered} />
      <RoleNote need="ADMIN" what={texts.history.clear} />
      {mayClear && <ClearForm onCleared={() => setChanges((before) => before + 1)} />}
    </>
  );
}

function useKnown(): Known {
  const { data } = usePolled(CHOICES, CHOICES_POLL_MS);
  const models = data?.models ?? [];
  const quantizations = models.flatMap(({ variants }) => variants.map(({ quantization }) => quantization));
  return { models: models.map(({ id }) => id), quantizations: [...new Set(quantizations)] };
}

import { DataTable } from '../parts/data-table.tsx';
import { ProblemBox } from '../parts/problem-box.tsx';
import { useSpeech } from '../text/language.tsx';
import { DELETE_EVALUATION, EVALUATIONS, type EvaluationEntry } from './documents.ts';
import { EntryList } from './entry-list.tsx';
import { excerptOf } from './excerpt.ts';
import { evaluationFilter } from './filters.ts';
import type { ListProps } from './lists.ts';
import { usePages } from './use-pages.ts';

export function EvaluationList({ filters, isFiltered }: ListProps) {
  const { texts } = useSpeech();
  const pages = usePages(EVALUATIONS, evaluationFilter(filters));
  return (
    <EntryList
      title={texts.history.kinds.evaluations}
      pages={pages}
      isFiltered={isFiltered}
      entry={(entry) => <Entry entry={entry} />}
      nameOf={({ model }) => texts.history.evaluation(model)}
      removal={DELETE_EVALUATION}
    />
  );
}

function Entry({ entry }: { readonly entry: EvaluationEntry }) {
  const { texts, formats } = useSpeech();
  const { createdAt, state, model, reference, contextSize, error, text } = entry;
  const facts = [
    formats.dateTime(createdAt),
    texts.history.stage[state],
    `${texts.history.window} ${texts.history.tokens(formats.count(contextSize))}`,
    ...(reference === null ? [] : [`${texts.history.reference} ${reference}`]),
    texts.history.characters(formats.count(text.characters)),
  ];
  return (
    <article data-state={state}>
      <h3>{texts.history.evaluation(model)}</h3>
      <p className="quiet">{facts.join(' · ')}</p>
      <p title={texts.history.measuredWith(text.sha256)}>{excerptOf(text.excerpt)}</p>
      {error !== null && <ProblemBox problem={error} />}
      <Results results={entry.results} />
    </article>
  );
}

function Results({ results }: Pick<EvaluationEntry, 'results'>) {
  const { texts, formats } = useSpeech();
  const { history } = texts;
  if (results.length === 0) return null;
  const number = (value: number | null): string => (value === null ? '' : formats.ratio(value));
  const percent = (share: number | null): string =>
    share === null ? '' : `${formats.decimal(100 * share)} %`;
  return (
    <DataTable
      label={history.results}
      rows={results}
      keyOf={({ quantization }) => quantization}
      columns={[
        { title: texts.models.quantization, cell: ({ quantization }) => quantization },
        { title: history.perplexity, cell: ({ result }) => number(result.perplexity) },
        { title: history.divergence, cell: ({ result }) => number(result.klDivergence) },
        { title: history.sameTop, cell: ({ result }) => percent(result.sameTopToken) },
        { title: history.scored, cell: ({ result }) => formats.count(result.tokens) },
      ]}
    />
  );
}

import { Link } from 'wouter';
import { promptText } from '../parts/prompt-text.ts';
import { useSpeech } from '../text/language.tsx';
import { COMPARISONS, DELETE_COMPARISON, type ComparisonEntry } from './documents.ts';
import { EntryList } from './entry-list.tsx';
import { excerptOf } from './excerpt.ts';
import { comparisonFilter } from './filters.ts';
import type { ListProps } from './lists.ts';
import { usePages } from './use-pages.ts';

export function ComparisonList({ filters, isFiltered }: ListProps) {
  const { texts } = useSpeech();
  const pages = usePages(COMPARISONS, comparisonFilter(filters));
  return (
    <EntryList
      title={texts.history.kinds.comparisons}
      pages={pages}
      isFiltered={isFiltered}
      entry={(entry) => <Entry entry={entry} />}
      nameOf={({ prompt }) => excerptOf(promptText(prompt)) || texts.history.noPrompt}
      removal={DELETE_COMPARISON}
      canDelete={({ finished }) => finished}
    />
  );
}

function Entry({ entry }: { readonly entry: ComparisonEntry }) {
  const { texts, formats } = useSpeech();
  const { id, createdAt, finished, isRevealed, prompt, votes, lanes } = entry;
  const drifted = lanes.filter(({ language }) => typeof language?.driftOffset === 'number');
  const facts = [
    formats.dateTime(createdAt),
    lanes.map(({ label }) => label).join(', '),
    ...(finished ? [] : [texts.compare.running]),
    ...(isRevealed ? [] : [texts.history.blind]),
    ...(votes.length === 0 ? [] : [texts.history.votes(formats.count(votes.length))]),
  ];
  return (
    <article>
      <h3>
        <Link href={`/compare/${id}`}>{excerptOf(promptText(prompt)) || texts.history.noPrompt}</Link>
      </h3>
      <p>{excerptOf(lanes[0]?.generation.text ?? '')}</p>
      <p className="quiet">
        {facts.join(' · ')}
        {drifted.length > 0 && (
          <span className="drifted">
            {' '}
            ⚑ {texts.history.driftOf(drifted.map(({ label }) => label).join(', '))}
          </span>
        )}
      </p>
    </article>
  );
}

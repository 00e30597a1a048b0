import { Link } from 'wouter';
import { promptText } from '../parts/prompt-text.ts';
import { useSpeech } from '../text/language.tsx';
import { DELETE_GENERATION, GENERATIONS, type GenerationEntry } from './documents.ts';
import { EntryList } from './entry-list.tsx';
import { excerptOf } from './excerpt.ts';
import { generationFilter, isEnded } from './filters.ts';
import type { ListProps } from './lists.ts';
import { usePages } from './use-pages.ts';

export function GenerationList({ filters, isFiltered }: ListProps) {
  const { texts } = useSpeech();
  const pages = usePages(GENERATIONS, generationFilter(filters));
  return (
    <EntryList
      title={texts.history.kinds.generations}
      pages={pages}
      isFiltered={isFiltered}
      entry={(entry) => <Entry entry={entry} />}
      nameOf={({ prompt }) => excerptOf(promptText(prompt)) || texts.history.noPrompt}
      removal={DELETE_GENERATION}
      canDelete={({ comparisonId, state }) => comparisonId === null && isEnded(state)}
    />
  );
}

function Entry({ entry }: { readonly entry: GenerationEntry }) {
  const { texts, formats } = useSpeech();
  const { id, comparisonId, createdAt, state, text, prompt, plan, settings, usage, timings, language } =
    entry;
  const written = language?.answerLanguage ?? null;
  const rate = timings?.eval.tokensPerSecond ?? null;
  const facts = [
    formats.dateTime(createdAt),
    ...(plan === null ? [settings?.model ?? texts.history.blind] : [plan.variant.id, plan.deviceName]),
    texts.history.stage[state],
    texts.playground.tokens(formats.count(usage.completionTokens)),
    ...(rate === null ? [] : [texts.history.rate(formats.decimal(rate))]),
    ...(written === null ? [] : [written]),
  ];
  return (
    <article data-state={state}>
      <h3>
        <Link href={`/history/${id}`}>{excerptOf(promptText(prompt)) || texts.history.noPrompt}</Link>
      </h3>
      {text !== '' && <p>{excerptOf(text)}</p>}
      <p className="quiet">
        {facts.join(' · ')}
        {typeof language?.driftOffset === 'number' && (
          <span className="drifted"> ⚑ {texts.history.drift}</span>
        )}
        {comparisonId !== null && (
          <>
            {' · '}
            <Link href={`/compare/${comparisonId}`}>{texts.history.isLane}</Link>
          </>
        )}
      </p>
    </article>
  );
}

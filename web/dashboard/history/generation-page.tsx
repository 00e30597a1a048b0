import { useMemo } from 'react';
import { useQuery } from 'urql';
import { Link, useLocation } from 'wouter';
import { problemOf } from '../api/problem.ts';
import { useAnswer } from '../api/use-answer.ts';
import { PlanDetails, TimingDetails } from '../parts/answer-details.tsx';
import { statusOf } from '../parts/answer-status.ts';
import { isFinal, type Answer } from '../parts/answer.ts';
import { Asked } from '../parts/asked.tsx';
import { MarkedText } from '../parts/marked-text.tsx';
import { ProblemBox } from '../parts/problem-box.tsx';
import { promptText } from '../parts/prompt-text.ts';
import { Share } from '../parts/share.tsx';
import type { Session } from '../playground/session.ts';
import { useTitle } from '../shell/use-title.ts';
import { useLostText } from '../sign-in/use-account.tsx';
import { useSpeech } from '../text/language.tsx';
import { conversationOf, turnOf, type Conversation } from './continued.ts';
import { DeleteButton } from './delete-button.tsx';
import { DELETE_GENERATION, GENERATION, type GenerationFacts } from './documents.ts';
import { excerptOf } from './excerpt.ts';
import { isEnded } from './filters.ts';
import { GenerationSettings } from './generation-settings.tsx';
import { useFollowed, type Followed } from './use-followed.ts';

export interface GenerationPageProps {
  readonly session: Session;
  readonly id: string;
}

/** One generation, while it runs and for as long as it is kept: for whoever has its address. */
export function GenerationPage({ session, id }: GenerationPageProps) {
  const { texts } = useSpeech();
  useTitle(texts.history.generation);
  const first = useAnswer(GENERATION, { id });
  const known = first.data?.generation ?? null;
  const isConcealed = known !== null && known.settings === null;
  const followed = useFollowed(known === null || isConcealed ? null : id);
  return (
    <>
      <h1>{texts.history.generation}</h1>
      <p>
        <Link href="/history">{texts.history.toList}</Link>
      </p>
      {first.error !== null && <ProblemBox problem={problemOf(first.error)} />}
      {first.data === null && first.error === null && <p className="quiet">{texts.loading}</p>}
      {first.data !== null && known === null && <p>{texts.history.missing}</p>}
      {known !== null && isConcealed && <Concealed facts={known} />}
      {known !== null && !isConcealed && (
        <Told id={id} session={session} before={known} followed={followed} />
      )}
    </>
  );
}

/** Nothing but what may be told of a lane that is not voted on. */
function Concealed({ facts }: { readonly facts: GenerationFacts }) {
  const { texts } = useSpeech();
  return (
    <>
      <Asked prompt={facts.prompt} />
      <div className="answer">{facts.text}</div>
      <p>
        {texts.history.concealed} <Lane facts={facts} />
      </p>
    </>
  );
}

function Lane({ facts: { comparisonId } }: { readonly facts: GenerationFacts }) {
  const { texts } = useSpeech();
  if (comparisonId === null) return null;
  return <Link href={`/compare/${comparisonId}`}>{texts.history.openComparison}</Link>;
}

interface ToldProps {
  readonly id: string;
  readonly session: Session;
  /** As it was when the page was opened. */
  readonly before: GenerationFacts;
  readonly followed: Followed;
}

function Told({ id, session, before, followed: { answer, isConnected, problem } }: ToldProps) {
  const { texts, formats } = useSpeech();
  const [, navigate] = useLocation();
  const lost = useLostText();
  const facts = useEnded(id, before, answer);
  const { language } = facts;
  return (
    <>
      <p className="quiet">
        {formats.dateTime(facts.createdAt)} <Lane facts={facts} />
        <Retries facts={facts} />
      </p>
      <Asked prompt={facts.prompt} />
      <div className="answer" data-stage={answer.stage} aria-busy={!isFinal(answer)}>
        <MarkedText
          text={answer.text}
          commonPrefixChars={null}
          foreignFragments={isFinal(answer) ? (language?.foreignFragments ?? []) : []}
          driftOffset={isFinal(answer) ? (language?.driftOffset ?? null) : null}
        />
      </div>
      <p className="status" role="status">
        {isConnected || isFinal(answer) ? statusOf(answer, texts, formats) : lost}
      </p>
      {answer.problem !== null && <ProblemBox problem={answer.problem} />}
      {problem !== null && <ProblemBox problem={problem} />}
      <Language facts={facts} />
      <PlanDetails answer={answer} />
      <TimingDetails answer={answer} />
      <GenerationSettings facts={facts} />
      <div className="buttons">
        <Continue facts={facts} session={session} answer={answer} />
        {facts.comparisonId === null && isFinal(answer) && (
          <DeleteButton
            document={DELETE_GENERATION}
            id={id}
            name={excerptOf(promptText(facts.prompt)) || texts.history.noPrompt}
            onDeleted={() => {
              navigate('/history');
            }}
          />
        )}
      </div>
      <Share />
    </>
  );
}

/** With what is known only of an answer that has ended. */
function useEnded(id: string, before: GenerationFacts, answer: Answer): GenerationFacts {
  const isNews = !isEnded(before.state) && isFinal(answer);
  const [{ data }] = useQuery({ query: GENERATION, variables: { id }, pause: !isNews });
  return data?.generation ?? before;
}

function Retries({ facts: { retryOf, retriedAs } }: { readonly facts: GenerationFacts }) {
  const { texts } = useSpeech();
  return (
    <>
      {retryOf !== null && (
        <>
          {' · '}
          <Link href={`/history/${retryOf}`}>{texts.history.retryOf}</Link>
        </>
      )}
      {retriedAs !== null && (
        <>
          {' · '}
          <Link href={`/history/${retriedAs}`}>{texts.history.retriedAs}</Link>
        </>
      )}
    </>
  );
}

function Language({ facts: { language } }: { readonly facts: GenerationFacts }) {
  const { texts, formats } = useSpeech();
  if (language === null || language.answerLanguage === null) return null;
  const { answerLanguage, consistency, expectedLanguage, driftOffset } = language;
  return (
    <ul className="findings">
      <li>{texts.compare.writtenIn(answerLanguage, formats.decimal(100 * consistency), expectedLanguage)}</li>
      {driftOffset !== null && <li>{texts.compare.driftsAt(formats.count(driftOffset))}</li>}
    </ul>
  );
}

interface ContinueProps {
  readonly facts: GenerationFacts;
  readonly session: Session;
  readonly answer: Answer;
}

/** To the playground: with the answer, to go on; or without it, to ask the same once more, with the same seed. */
function Continue({ facts, session, answer }: ContinueProps) {
  const { texts } = useSpeech();
  const [, navigate] = useLocation();
  const conversation = useMemo(() => conversationOf(facts), [facts]);
  if (conversation === null) return null;
  const open = ({ settings, before, prompt }: Conversation, isAgain: boolean): void => {
    const turns = isAgain ? before : [...before, turnOf(conversation, answer)];
    session.open(settings, turns, isAgain ? prompt : '');
    navigate('/');
  };
  return (
    <>
      <button type="button" onClick={() => open(conversation, false)}>
        {texts.history.goOn}
      </button>
      <button type="button" className="secondary" onClick={() => open(conversation, true)}>
        {texts.history.again}
      </button>
    </>
  );
}

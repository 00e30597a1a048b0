import { memo } from 'react';
import { useAction } from '../api/use-action.ts';
import { PlanDetails, TimingDetails } from '../parts/answer-details.tsx';
import { statusOf } from '../parts/answer-status.ts';
import { CANCEL } from '../parts/event-fields.ts';
import { ProblemBox } from '../parts/problem-box.tsx';
import { useSpeech } from '../text/language.tsx';
import { CandidateTable } from './candidates.tsx';
import type { LaneFacts } from './documents.ts';
import { isRunning, type LaneState } from './lane.ts';
import { LiveText } from './live-text.tsx';
import { MarkedText } from '../parts/marked-text.tsx';
import type { ComparisonRun } from './run.ts';
import { Sparkline } from './sparkline.tsx';

export interface LaneCardProps {
  readonly run: ComparisonRun;
  readonly index: number;
  readonly lane: LaneState;
  /** What lane 0 is called. */
  readonly reference: string;
  /** It says what lane 0 says. */
  readonly isSame: boolean;
  /** Where the first of the others parts from lane 0, if that is this one. */
  readonly partedAt: number | null;
  /** How fast it is may tell which it is. */
  readonly isConcealed: boolean;
}

/** One place and its answer; drawn again when something of it changes, not when another lane does. */
export const LaneCard = memo(function LaneCard(props: LaneCardProps) {
  const { run, index, lane, partedAt, isConcealed } = props;
  const { texts, formats } = useSpeech();
  const { answer, facts } = lane;
  const language = facts.language;
  return (
    <article className="lane" id={`lane-${index}`} aria-labelledby={`lane-${index}-title`}>
      <h3 id={`lane-${index}-title`}>{facts.label}</h3>
      {!isConcealed && (
        <div className="place">
          <PlanDetails answer={answer} />
        </div>
      )}
      <div
        className="answer"
        data-stage={answer.stage}
        aria-busy={isRunning(lane)}
        tabIndex={0}
        role="group"
        aria-label={texts.compare.answerOf(facts.label)}
      >
        {isRunning(lane) ? (
          <LiveText run={run} lane={index} />
        ) : (
          <div>
            <MarkedText
              text={answer.text}
              commonPrefixChars={facts.divergence?.commonPrefixChars ?? partedAt}
              foreignFragments={language?.foreignFragments ?? NONE}
              driftOffset={language?.driftOffset ?? null}
            />
          </div>
        )}
      </div>
      {answer.stage === 'LOADING' && answer.progress !== null && (
        <progress value={answer.progress} aria-label={texts.playground.stages.LOADING} />
      )}
      <p className="status">
        {isConcealed ? texts.playground.stages[answer.stage] : statusOf(answer, texts, formats)}
      </p>
      {!isConcealed && (
        <Sparkline
          rates={run.rates}
          lane={index}
          measured={answer.completed?.timings.eval.tokensPerSecond ?? null}
        />
      )}
      {answer.problem !== null && <ProblemBox problem={answer.problem} />}
      <Findings {...props} />
      {facts.divergence?.candidates && (
        <CandidateTable
          candidates={facts.divergence.candidates}
          label={facts.label}
          reference={props.reference}
        />
      )}
      {isRunning(lane) && <StopLane id={facts.generation.id} label={facts.label} />}
      <TimingDetails answer={answer} />
    </article>
  );
});

const NONE = [] as const;

type Divergence = NonNullable<LaneFacts['divergence']>;

/** What only shows beside lane 0, and in which languages it is written. */
function Findings({ lane: { facts }, reference, isSame }: LaneCardProps) {
  const { texts, formats } = useSpeech();
  const { divergence, language } = facts;
  const { compare } = texts;
  const parting = ({ commonPrefixChars, firstDifferentToken }: Divergence): string =>
    isSame
      ? compare.sameAs(reference)
      : compare.partsFrom(
          reference,
          formats.count(commonPrefixChars),
          firstDifferentToken === null ? null : formats.count(firstDifferentToken),
        );
  const notes = [
    ...(divergence === null ? [] : [parting(divergence)]),
    ...(language === null || language.answerLanguage === null
      ? []
      : [
          compare.writtenIn(
            language.answerLanguage,
            formats.decimal(100 * language.consistency),
            language.expectedLanguage,
          ),
        ]),
    ...(typeof language?.driftOffset !== 'number'
      ? []
      : [compare.driftsAt(formats.count(language.driftOffset))]),
  ];
  if (notes.length === 0) return null;
  return (
    <ul className="findings">
      {notes.map((note) => (
        <li key={note}>{note}</li>
      ))}
    </ul>
  );
}

function StopLane({ id, label }: { readonly id: string; readonly label: string }) {
  const { texts } = useSpeech();
  const { isBusy, problem, run } = useAction(CANCEL);
  return (
    <>
      <button
        type="button"
        className="secondary"
        aria-label={texts.compare.stopOf(label)}
        disabled={isBusy}
        onClick={() => void run({ id })}
      >
        {texts.playground.stop}
      </button>
      {problem !== null && <ProblemBox problem={problem} />}
    </>
  );
}

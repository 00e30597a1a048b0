import { useEffect, useMemo, useSyncExternalStore } from 'react';
import { Link } from 'wouter';
import type { Connection } from '../api/client.ts';
import { isFinal } from '../parts/answer.ts';
import { Asked } from '../parts/asked.tsx';
import { ProblemBox } from '../parts/problem-box.tsx';
import { useTitle } from '../shell/use-title.ts';
import { useLostText } from '../sign-in/use-account.tsx';
import { useSpeech } from '../text/language.tsx';
import type { ComparisonFacts } from './documents.ts';
import { Figures } from './figures.tsx';
import { isRunning, type LaneState } from './lane.ts';
import { LaneCard } from './lane-card.tsx';
import { ComparisonRun } from './run.ts';
import { shortLabels } from './short-labels.ts';
import { Toolbar } from './toolbar.tsx';
import { Votes } from './votes.tsx';

export interface ResultProps {
  readonly connection: Connection;
  readonly id: string;
}

/** One comparison, while it runs and afterwards: for whoever has its address. */
export function Result({ connection, id }: ResultProps) {
  const { texts } = useSpeech();
  useTitle(texts.compare.title);
  const run = useMemo(() => new ComparisonRun(connection, id), [connection, id]);
  useEffect(() => run.start(), [run]);
  const { facts, lanes, isConnected, problem } = useSyncExternalStore(run.subscribe, run.read);
  const names = useMemo(() => shortLabels((facts?.lanes ?? []).map(({ label }) => label)), [facts]);
  return (
    <>
      <h1>{texts.compare.title}</h1>
      <p>
        <Link href="/compare">{texts.compare.toForm}</Link>
      </p>
      {problem !== null && <ProblemBox problem={problem} />}
      {facts === null && problem === null && <p className="quiet">{texts.loading}</p>}
      {facts !== null && (
        <>
          <Asked prompt={facts.prompt} />
          <Schedule facts={facts} />
          <Progress facts={facts} lanes={lanes} isConnected={isConnected} />
          <Lanes run={run} facts={facts} lanes={lanes} names={names} />
          <Toolbar facts={facts} />
          <Votes facts={facts} names={names} onVoted={run.takeFacts} />
          <Figures lanes={lanes} names={names} />
        </>
      )}
    </>
  );
}

function Schedule({ facts: { schedule } }: { readonly facts: ComparisonFacts }) {
  const { texts } = useSpeech();
  return (
    <details>
      <summary>{texts.compare.schedules[schedule.taken]}</summary>
      <ul className="reasons" lang="en">
        {schedule.reasons.map((reason) => (
          <li key={reason}>{reason}</li>
        ))}
      </ul>
    </details>
  );
}

interface ProgressProps {
  readonly facts: ComparisonFacts;
  readonly lanes: readonly LaneState[];
  readonly isConnected: boolean;
}

/** Announced for all lanes together: eight that speak at once nobody could follow. */
function Progress({ facts, lanes, isConnected }: ProgressProps) {
  const { texts } = useSpeech();
  const ended = lanes.filter(({ answer }) => isFinal(answer)).length;
  const lost = useLostText();
  const isLost = !isConnected && !facts.finished;
  return (
    <p className="status" role="status">
      {isLost ? lost : texts.compare.ended(ended, lanes.length)}
    </p>
  );
}

const isSame = (one: LaneState, other: LaneState): boolean =>
  !isRunning(one) && !isRunning(other) && one.answer.text === other.answer.text;

interface LanesProps {
  readonly run: ComparisonRun;
  readonly facts: ComparisonFacts;
  readonly lanes: readonly LaneState[];
  readonly names: readonly string[];
}

function Lanes({ run, facts, lanes, names }: LanesProps) {
  const { texts } = useSpeech();
  const parted = lanes.flatMap(({ facts: { divergence } }) => divergence?.commonPrefixChars ?? []);
  const [reference] = lanes;
  if (reference === undefined) return null;
  return (
    <>
      <nav className="lane-links" aria-label={texts.compare.lanes}>
        {lanes.map((_, index) => (
          <a key={index} href={`#lane-${index}`}>
            {names[index]}
          </a>
        ))}
      </nav>
      <div className="lanes">
        {lanes.map((lane, index) => (
          <LaneCard
            key={index}
            run={run}
            index={index}
            lane={lane}
            reference={names[0]!}
            isSame={index > 0 && isSame(lane, reference)}
            partedAt={index === 0 && parted.length > 0 ? Math.min(...parted) : null}
            isConcealed={!facts.isRevealed}
          />
        ))}
      </div>
    </>
  );
}

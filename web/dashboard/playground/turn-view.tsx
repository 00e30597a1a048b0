import { isFinal } from '../parts/answer.ts';
import { ProblemBox } from '../parts/problem-box.tsx';
import { PlanLine } from '../parts/plan-line.tsx';
import { PlanMemory } from '../parts/plan-memory.tsx';
import { PlanReasons } from '../parts/plan-reasons.tsx';
import { TimingsTable } from '../parts/timings-table.tsx';
import { useSpeech } from '../text/language.tsx';
import type { Turn } from './turn.ts';

export interface TurnViewProps {
  readonly turn: Turn;
  readonly isConnected: boolean;
}

export function TurnView({ turn, isConnected }: TurnViewProps) {
  const { texts } = useSpeech();
  return (
    <li>
      <p className="prompt">
        <span className="hidden">{texts.playground.you}: </span>
        {turn.prompt}
      </p>
      {/* Read out word by word it could not be followed; the status below is what is announced. */}
      <div className="answer" data-stage={turn.stage} aria-busy={!isFinal(turn)}>
        {turn.text}
      </div>
      {turn.stage === 'LOADING' && turn.progress !== null && (
        <progress value={turn.progress} aria-label={texts.playground.stages.LOADING} />
      )}
      <Status turn={turn} isConnected={isConnected} />
      {turn.problem !== null && <ProblemBox problem={turn.problem} />}
      <PlanDetails turn={turn} />
      {turn.completed !== null && (
        <details>
          <summary>{texts.timings.title}</summary>
          <TimingsTable completed={turn.completed} />
        </details>
      )}
    </li>
  );
}

function Status({ turn, isConnected }: TurnViewProps) {
  const { texts, formats } = useSpeech();
  const { stages, finish, ahead, tokens, reconnecting } = texts.playground;
  if (!isConnected && !isFinal(turn))
    return (
      <p className="status" role="status">
        {reconnecting}
      </p>
    );
  const parts = [
    stages[turn.stage],
    ...(turn.stage === 'QUEUED' && turn.position !== null ? [ahead(turn.position)] : []),
    ...(turn.completed === null ? [] : [finish[turn.completed.finishReason]]),
    ...(isFinal(turn) && turn.tokens > 0 ? [tokens(formats.count(turn.tokens))] : []),
  ];
  return (
    <p className="status" role="status">
      {parts.join(' · ')}
    </p>
  );
}

function PlanDetails({ turn: { plans } }: { readonly turn: Turn }) {
  const { texts } = useSpeech();
  const plan = plans.at(-1);
  if (plan === undefined) return null;
  const before = plans.slice(0, -1);
  return (
    <details>
      <summary>
        {texts.plan.ranOn} <PlanLine plan={plan} />
      </summary>
      <PlanMemory plan={plan} />
      <h3>{texts.plan.reasons}</h3>
      <PlanReasons reasons={plan.reasons} />
      {before.length > 0 && (
        <>
          <h3>{texts.plan.tried}</h3>
          <ol>
            {before.map((tried, index) => (
              <li key={index}>
                <PlanLine plan={tried} />
              </li>
            ))}
          </ol>
        </>
      )}
    </details>
  );
}

import { useSpeech } from '../text/language.tsx';
import type { Answer } from './answer.ts';
import { PlanLine } from './plan-line.tsx';
import { PlanMemory } from './plan-memory.tsx';
import { PlanReasons } from './plan-reasons.tsx';
import { TimingsTable } from './timings-table.tsx';

interface AnswerProps {
  readonly answer: Answer;
}

/** The plan of an answer with its reasons, and what was tried before. */
export function PlanDetails({ answer: { plans } }: AnswerProps) {
  const { texts } = useSpeech();
  const plan = plans.at(-1);
  const before = plans.slice(0, -1);
  if (plan === undefined) return null;
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

/** Of an answer that is whole. */
export function TimingDetails({ answer: { completed } }: AnswerProps) {
  const { texts } = useSpeech();
  if (completed === null) return null;
  return (
    <details>
      <summary>{texts.timings.title}</summary>
      <TimingsTable completed={completed} />
    </details>
  );
}

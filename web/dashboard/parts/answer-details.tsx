import { useSpeech } from '../text/language.tsx';
import type { Answer } from './answer.ts';
import { PlanLine } from './plan-line.tsx';
import { PlanMemory } from './plan-memory.tsx';
import { PlanReasons } from './plan-reasons.tsx';
import { TimingsTable } from './timings-table.tsx';

/** How an answer came about: its plan with reasons, what was tried before, and its timings. */
export function AnswerDetails({ answer: { plans, completed } }: { readonly answer: Answer }) {
  const { texts } = useSpeech();
  const plan = plans.at(-1);
  const before = plans.slice(0, -1);
  return (
    <>
      {plan !== undefined && (
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
      )}
      {completed !== null && (
        <details>
          <summary>{texts.timings.title}</summary>
          <TimingsTable completed={completed} />
        </details>
      )}
    </>
  );
}

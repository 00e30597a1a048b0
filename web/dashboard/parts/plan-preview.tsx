import { problemOf } from '../api/problem.ts';
import { useAnswer } from '../api/use-answer.ts';
import { useSpeech } from '../text/language.tsx';
import { bestPerQuantization } from './best-per-quantization.ts';
import { PREVIEW, type PlanInput } from './plan-fields.ts';
import { PlanLine } from './plan-line.tsx';
import { PlanReasons } from './plan-reasons.tsx';
import { ProblemBox } from './problem-box.tsx';

const QUIET_MS = 200;

export interface PlanPreviewProps {
  readonly input: PlanInput;
  /** Null for any. */
  readonly backend: string | null;
}

/** What the gateway would do, before anything is loaded. */
export function PlanPreview({ input, backend }: PlanPreviewProps) {
  const { texts } = useSpeech();
  const { data, error } = useAnswer(PREVIEW, { input }, QUIET_MS);
  if (error !== null) return <ProblemBox problem={problemOf(error)} />;
  if (data === null) return <p className="quiet">{texts.loading}</p>;
  // `plan` knows no backend; among what it ranks, the first that fits there is what would run.
  const candidates = data.plan.candidates.filter((plan) => backend === null || plan.backend === backend);
  const chosen = backend === null ? data.plan.chosen : (candidates.find(({ fits }) => fits) ?? null);
  const others = bestPerQuantization(candidates).filter(
    ({ variant }) => variant.quantization !== chosen?.variant.quantization,
  );
  return (
    <details className="preview">
      <summary>
        {texts.plan.wouldRun} {chosen === null ? texts.plan.nothingFits : <PlanLine plan={chosen} />}
      </summary>
      {chosen !== null && (
        <>
          <h3>{texts.plan.reasons}</h3>
          <PlanReasons reasons={chosen.reasons} />
        </>
      )}
      {others.length > 0 && (
        <>
          <h3>{texts.plan.others}</h3>
          <dl>
            {others.map((plan) => (
              <div key={plan.variant.id}>
                <dt>{plan.variant.quantization}</dt>
                <dd>
                  <PlanReasons reasons={plan.reasons} />
                </dd>
              </div>
            ))}
          </dl>
        </>
      )}
    </details>
  );
}

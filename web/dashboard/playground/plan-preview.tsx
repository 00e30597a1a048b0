import { problemOf } from '../api/problem.ts';
import { useAnswer } from '../api/use-answer.ts';
import { bestPerQuantization } from '../parts/best-per-quantization.ts';
import { PlanLine } from '../parts/plan-line.tsx';
import { PlanReasons } from '../parts/plan-reasons.tsx';
import { ProblemBox } from '../parts/problem-box.tsx';
import { useSpeech } from '../text/language.tsx';
import { PREVIEW } from './documents.ts';
import { backendOf, planInput, type Settings } from './settings.ts';

const QUIET_MS = 200;

/** What the gateway would do with these settings, before anything is loaded. */
export function PlanPreview({ settings }: { readonly settings: Settings }) {
  const { texts } = useSpeech();
  const { data, error } = useAnswer(PREVIEW, { input: planInput(settings) }, QUIET_MS);
  if (error !== null) return <ProblemBox problem={problemOf(error)} />;
  if (data === null) return <p className="quiet">{texts.loading}</p>;
  // `plan` knows no backend; among what it ranks, the first that fits there is what would run.
  const backend = backendOf(settings);
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

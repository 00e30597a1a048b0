import { ProblemBox } from '../parts/problem-box.tsx';
import { useSpeech } from '../text/language.tsx';
import type { Run } from './use-run.ts';

export function ResultView({ run: { state, answers, count, problem } }: { readonly run: Run }) {
  const { texts, formats } = useSpeech();
  const hidden = count - answers.length;
  return (
    <section aria-labelledby="result-title">
      <h2 id="result-title">{texts.api.result}</h2>
      <p className="status" role="status" data-run={state}>
        {texts.api.states[state]}
        {count > 1 && ` · ${texts.api.answers(formats.count(count))}`}
      </p>
      {problem !== null && <ProblemBox problem={problem} />}
      {hidden > 0 && <p className="quiet">{texts.api.hidden(formats.count(hidden))}</p>}
      {answers.length > 0 && (
        <pre className="answers" tabIndex={0} role="region" aria-label={texts.api.result}>
          {answers.join('\n')}
        </pre>
      )}
    </section>
  );
}

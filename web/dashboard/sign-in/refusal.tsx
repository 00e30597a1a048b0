import { reasonOf, type Problem } from '../api/problem.ts';
import { ProblemBox } from '../parts/problem-box.tsx';
import { useSpeech } from '../text/language.tsx';

/** Why a key or token does not count, and what to do. */
export function Refusal({ problem }: { readonly problem: Problem }) {
  const { texts } = useSpeech();
  const reason = reasonOf(problem);
  if (reason === null) return <ProblemBox problem={problem} />;
  return (
    <div className="problem" role="alert">
      <p>{texts.signIn.reasons[reason]}</p>
      <p>
        <code>{reason}</code>
      </p>
    </div>
  );
}

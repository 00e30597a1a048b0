import { INTERRUPTED, UNREACHABLE, type Problem } from '../api/problem.ts';
import { useSpeech } from '../text/language.tsx';

/** The code, and the sentence that says what to do. */
export function ProblemBox({ problem }: { readonly problem: Problem }) {
  const { texts } = useSpeech();
  const own: Readonly<Record<string, string>> = {
    [UNREACHABLE]: texts.unreachable,
    [INTERRUPTED]: texts.interrupted,
  };
  const { code, message } = problem;
  const text = own[code];
  return (
    <div className="problem" role="alert">
      <strong>{texts.problem}</strong> <code>{code}</code>
      <p lang={text === undefined ? 'en' : undefined}>{text ?? message}</p>
    </div>
  );
}

import { INTERRUPTED, UNREACHABLE, type Problem } from '../api/problem.ts';
import { useSpeech } from '../text/language.tsx';

/** The code, and the sentence that says what to do. */
export function ProblemBox({ problem }: { readonly problem: Problem }) {
  const { texts } = useSpeech();
  const own: Readonly<Record<string, string>> = {
    [UNREACHABLE]: texts.unreachable,
    [INTERRUPTED]: texts.interrupted,
    NOT_FOUND: texts.compare.missing,
  };
  const { code, message } = problem;
  // What the gateway says is better than what we could.
  const text = message === '' ? own[code] : undefined;
  return (
    <div className="problem" role="alert">
      <strong>{texts.problem}</strong> <code>{code}</code>
      <p lang={text === undefined ? 'en' : undefined}>{text ?? message}</p>
    </div>
  );
}

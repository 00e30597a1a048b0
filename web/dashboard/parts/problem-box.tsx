import { INTERRUPTED, isRefusal, UNREACHABLE, type Problem } from '../api/problem.ts';
import { useAccount } from '../sign-in/use-account.tsx';
import { useSpeech } from '../text/language.tsx';

/** The code, and the sentence that says what to do. */
export function ProblemBox({ problem }: { readonly problem: Problem }) {
  const { texts } = useSpeech();
  const { status, viewer } = useAccount();
  const own: Readonly<Record<string, string>> = {
    [UNREACHABLE]: texts.unreachable,
    [INTERRUPTED]: texts.interrupted,
    NOT_FOUND: texts.compare.missing,
  };
  const { code, message } = problem;
  // It is told once for the whole page, where somebody can sign in.
  if (isRefusal(problem) && status !== 'in') return null;
  // What the gateway says is better than what we could.
  const text = message === '' ? own[code] : undefined;
  return (
    <div className="problem" role="alert">
      <strong>{texts.problem}</strong> <code>{code}</code>
      <p lang={text === undefined ? 'en' : undefined}>{text ?? message}</p>
      {code === 'FORBIDDEN' && viewer?.role && (
        <p>{texts.signIn.whoAsked(viewer.name, texts.signIn.roles[viewer.role])}</p>
      )}
    </div>
  );
}

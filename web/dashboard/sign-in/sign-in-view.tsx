import { ProblemBox } from '../parts/problem-box.tsx';
import { useTitle } from '../shell/use-title.ts';
import { useSpeech } from '../text/language.tsx';
import { Refusal } from './refusal.tsx';
import { SignInForm } from './sign-in-form.tsx';
import { useAccount } from './use-account.tsx';

/** In place of the pages, until the gateway has let somebody in. */
export function SignInView() {
  const { texts } = useSpeech();
  const { status, problem } = useAccount();
  if (status === 'out') return <SignIn />;
  return problem === null ? <p className="quiet">{texts.loading}</p> : <ProblemBox problem={problem} />;
}

function SignIn() {
  const { texts } = useSpeech();
  const { problem } = useAccount();
  useTitle(texts.signIn.title);
  return (
    <section className="sign-in">
      <h1>{texts.signIn.title}</h1>
      <p>{texts.signIn.about}</p>
      {problem !== null && <Refusal problem={problem} />}
      <SignInForm isAlone />
    </section>
  );
}

/** Above a page, when what somebody has shown does not count any more: what is there stays. */
export function SignInAgain() {
  const { texts } = useSpeech();
  const { status, viewer, problem } = useAccount();
  if (status !== 'out' || viewer === null) return null;
  return (
    <section className="card again" aria-label={texts.signIn.title}>
      {problem !== null && <Refusal problem={problem} />}
      <p>{texts.signIn.againAbout}</p>
      <SignInForm isAlone={false} />
    </section>
  );
}

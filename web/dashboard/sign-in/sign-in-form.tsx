import { useId, useRef, useState, type SubmitEvent } from 'react';
import type { Problem } from '../api/problem.ts';
import { useSpeech } from '../text/language.tsx';
import { leaveToSignIn } from './redirect.ts';
import { Refusal } from './refusal.tsx';
import { useAccount } from './use-account.tsx';

/** What was copied along with it. */
const credentialIn = (text: string): string => text.trim().replace(/^bearer\s+/i, '');

export interface SignInFormProps {
  /** There is nothing else to do on the page. */
  readonly isAlone: boolean;
}

export function SignInForm({ isAlone }: SignInFormProps) {
  const { texts } = useSpeech();
  const { account, identityProvider } = useAccount();
  const field = useRef<HTMLInputElement>(null);
  const hint = useId();
  const [credential, setCredential] = useState('');
  const [isLasting, setIsLasting] = useState(false);
  const [isBusy, setIsBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);

  async function signIn(): Promise<void> {
    setIsBusy(true);
    setProblem(null);
    const refused = await account.signIn(credentialIn(credential), isLasting);
    setIsBusy(false);
    setProblem(refused);
    // Where it counts, this form is gone, and the focus with it.
    (refused === null ? document.getElementById('main') : field.current)?.focus();
  }
  const onSubmit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (!isBusy) void signIn();
  };

  return (
    <form className="stack" onSubmit={onSubmit}>
      {identityProvider !== null && (
        <div>
          <button type="button" onClick={() => void leaveToSignIn(account, identityProvider)}>
            {texts.signIn.atProvider(new URL(identityProvider.issuer).host)}
          </button>
        </div>
      )}
      <label>
        {texts.signIn.credential}
        <input
          ref={field}
          type="password"
          required
          autoFocus={isAlone}
          autoComplete="current-password"
          spellCheck={false}
          value={credential}
          aria-invalid={problem !== null}
          aria-describedby={hint}
          onChange={(event) => {
            setCredential(event.target.value);
          }}
        />
      </label>
      <p className="quiet" id={hint}>
        {texts.signIn.howToGet} <code>mixgate keys create --name laptop --role user</code>
      </p>
      <label className="choice">
        <input
          type="checkbox"
          checked={isLasting}
          onChange={(event) => {
            setIsLasting(event.target.checked);
          }}
        />
        {texts.signIn.keep}
      </label>
      <div>
        <button type="submit" disabled={isBusy || credential.trim() === ''}>
          {texts.signIn.button}
        </button>
      </div>
      {problem !== null && <Refusal problem={problem} />}
    </form>
  );
}

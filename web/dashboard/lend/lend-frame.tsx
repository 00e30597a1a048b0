import { useState } from 'react';
import { useLocation } from 'wouter';
import { useTitle } from '../shell/use-title.ts';
import { useAccount } from '../sign-in/use-account.tsx';
import { useSpeech } from '../text/language.tsx';

/**
 * The worker page, kept from the first visit on: hidden, never taken out, or lending would end with a look at another
 * page. No key is passed in: what was typed there or shown to sign in, it finds by itself where this browser keeps it.
 */
export function LendFrame() {
  const [location] = useLocation();
  const isShown = location === '/lend';
  const [wasShown, setWasShown] = useState(isShown);
  if (isShown && !wasShown) setWasShown(true);
  const { texts } = useSpeech();
  const isAdmitted = useIsAdmitted();
  const source = isAdmitted ? '/worker/#signed-in' : '/worker/';
  if (!wasShown) return null;
  return (
    <section hidden={!isShown}>
      {isShown && <Title text={texts.lend.title} />}
      <p className="quiet">
        {texts.lend.about} {!isAdmitted && texts.lend.whereKey}
      </p>
      <iframe key={source} className="lend" src={source} title={texts.lend.frame} />
    </section>
  );
}

/** Whether the key that was shown to sign in lets a browser in, too. A token does not: `Access.admitsWorker`. */
function useIsAdmitted(): boolean {
  const { viewer, account } = useAccount();
  const isAdmitted = viewer?.role === 'WORKER' || viewer?.role === 'ADMIN';
  return isAdmitted && viewer.isAuthenticated && account.isKey;
}

function Title({ text }: { readonly text: string }) {
  useTitle(text);
  return <h1>{text}</h1>;
}

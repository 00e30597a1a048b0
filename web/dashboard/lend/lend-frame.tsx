import { useState } from 'react';
import { useLocation } from 'wouter';
import { useTitle } from '../shell/use-title.ts';
import { useSpeech } from '../text/language.tsx';

/**
 * The worker page, kept from the first visit on: hidden, never taken out, or lending would end with a look at another
 * page. Nothing is passed in: what was typed there before, it knows by itself.
 */
export function LendFrame() {
  const [location] = useLocation();
  const isShown = location === '/lend';
  const [wasShown, setWasShown] = useState(isShown);
  if (isShown && !wasShown) setWasShown(true);
  const { texts } = useSpeech();
  if (!wasShown) return null;
  return (
    <section hidden={!isShown}>
      {isShown && <Title text={texts.lend.title} />}
      <p className="quiet">{texts.lend.about}</p>
      <iframe className="lend" src="/worker/" title={texts.lend.frame} />
    </section>
  );
}

function Title({ text }: { readonly text: string }) {
  useTitle(text);
  return <h1>{text}</h1>;
}

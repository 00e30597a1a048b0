import { useSpeech } from '../text/language.tsx';
import { promptText, type AskedPrompt } from './prompt-text.ts';

/** What was asked, and what had been said before it. */
export function Asked({ prompt }: { readonly prompt: AskedPrompt }) {
  const { texts } = useSpeech();
  const before = prompt.messages?.slice(0, -1) ?? [];
  return (
    <>
      <p className="prompt asked">{promptText(prompt)}</p>
      {before.length > 0 && (
        <details>
          <summary>{texts.compare.saidBefore(before.length)}</summary>
          <dl className="said">
            {before.map(({ role, content }, index) => (
              <div key={index}>
                <dt>{texts.compare.roles[role]}</dt>
                <dd>{content}</dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </>
  );
}

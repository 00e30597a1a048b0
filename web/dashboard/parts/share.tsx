import { useRef, useState } from 'react';
import { useSpeech } from '../text/language.tsx';

/** The address of what is shown, to give to others. */
export function Share() {
  const { texts } = useSpeech();
  const field = useRef<HTMLInputElement>(null);
  const link = `${location.origin}${location.pathname}`;
  const [said, setSaid] = useState('');

  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(link);
      setSaid(texts.compare.copied);
    } catch {
      // Not allowed, or not there: the clipboard needs https, and a gateway in the house has none.
      field.current?.select();
      setSaid(texts.compare.copyYourself);
    }
  };
  return (
    <div className="share">
      <label>
        {texts.compare.link}
        <input ref={field} type="text" readOnly value={link} />
      </label>
      <button type="button" className="secondary" onClick={() => void copy()}>
        {texts.compare.copy}
      </button>
      <p role="status" className="quiet">
        {said}
      </p>
    </div>
  );
}

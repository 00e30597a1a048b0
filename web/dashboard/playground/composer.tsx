import { useId, useState, type KeyboardEvent, type SubmitEvent } from 'react';
import { useSpeech } from '../text/language.tsx';

export interface ComposerProps {
  readonly isBusy: boolean;
  readonly canSend: boolean;
  readonly canCompare: boolean;
  readonly hasTurns: boolean;
  /** What it begins with. */
  readonly draft: string;
  readonly onSend: (prompt: string) => void;
  readonly onStop: () => void;
  readonly onClear: () => void;
  /** The prompt as it is written; empty for the newest one that was sent. */
  readonly onCompare: (prompt: string) => void;
}

export function Composer(props: ComposerProps) {
  const { isBusy, canSend, canCompare, hasTurns, draft, onSend, onStop, onClear, onCompare } = props;
  const { texts } = useSpeech();
  const [prompt, setPrompt] = useState(draft);
  const hint = useId();

  const send = (): void => {
    if (isBusy || !canSend || prompt.trim() === '') return;
    onSend(prompt);
    setPrompt('');
  };
  const onSubmit = (event: SubmitEvent): void => {
    event.preventDefault();
    send();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    // Enter that ends a Japanese conversion is not a word to us.
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'Escape' && isBusy) onStop();
    if (event.key !== 'Enter' || event.shiftKey) return;
    event.preventDefault();
    send();
  };

  return (
    <form className="composer" onSubmit={onSubmit}>
      <label>
        {texts.playground.prompt}
        <textarea
          rows={3}
          value={prompt}
          aria-describedby={hint}
          onChange={(event) => {
            setPrompt(event.target.value);
          }}
          onKeyDown={onKeyDown}
        />
      </label>
      <small id={hint}>{texts.playground.sendHint}</small>
      <div className="buttons">
        {isBusy ? (
          <button type="button" onClick={onStop}>
            {texts.playground.stop}
          </button>
        ) : (
          <button type="submit" disabled={!canSend || prompt.trim() === ''}>
            {texts.playground.send}
          </button>
        )}
        <button
          type="button"
          className="secondary"
          disabled={!canCompare || (!hasTurns && prompt.trim() === '')}
          onClick={() => {
            onCompare(prompt);
          }}
        >
          {texts.compare.fromPlayground}
        </button>
        {hasTurns && (
          <button type="button" className="secondary" onClick={onClear}>
            {texts.playground.clear}
          </button>
        )}
      </div>
    </form>
  );
}

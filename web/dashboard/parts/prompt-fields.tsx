import { useId } from 'react';
import { useSpeech } from '../text/language.tsx';

export interface PromptKind {
  readonly isRaw: boolean;
  readonly system: string;
}

export interface PromptFieldsProps {
  readonly kind: PromptKind;
  readonly onChange: (change: Partial<PromptKind>) => void;
}

/** How the prompt is meant, and what comes before it in a chat. */
export function PromptFields({ kind, onChange }: PromptFieldsProps) {
  const { texts } = useSpeech();
  const name = useId();
  return (
    <>
      <fieldset>
        <legend>{texts.playground.mode}</legend>
        {[false, true].map((isRaw) => (
          <label key={String(isRaw)} className="choice">
            <input
              type="radio"
              name={name}
              checked={kind.isRaw === isRaw}
              onChange={() => {
                onChange({ isRaw });
              }}
            />
            {isRaw ? texts.playground.raw : texts.playground.chat}
          </label>
        ))}
      </fieldset>
      {!kind.isRaw && (
        <label>
          {texts.playground.system}
          <textarea
            rows={2}
            value={kind.system}
            onChange={(event) => {
              onChange({ system: event.target.value });
            }}
          />
        </label>
      )}
    </>
  );
}

import { Choice, NumberField } from '../parts/fields.tsx';
import { PlaceFields } from '../parts/place-fields.tsx';
import { useSpeech } from '../text/language.tsx';
import type { SettingsFormProps } from './settings-form.tsx';

const OBJECTIVES = ['QUALITY', 'BALANCED', 'SPEED'] as const;

/** Which weights, where, and what the planner prefers. */
export function WhereFields({ settings, choices, onChange }: SettingsFormProps) {
  const { texts } = useSpeech();
  return (
    <>
      <PlaceFields chosen={settings} choices={choices} onChange={onChange} />
      <Choice
        label={texts.playground.objective}
        value={settings.objective}
        options={OBJECTIVES.map((objective) => [objective, texts.playground.objectives[objective]])}
        onChange={(objective) => {
          onChange({ objective });
        }}
      />
      <NumberField
        label={texts.playground.contextSize}
        min={1}
        value={settings.contextSize}
        placeholder={texts.playground.byDefault}
        onChange={(contextSize) => {
          onChange({ contextSize });
        }}
      />
    </>
  );
}

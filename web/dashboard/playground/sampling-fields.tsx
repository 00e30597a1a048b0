import { NumberField } from '../parts/fields.tsx';
import { useSpeech } from '../text/language.tsx';
import { SAMPLING_FIELDS, type Settings } from './settings.ts';

export interface SamplingFieldsProps {
  readonly settings: Settings;
  readonly onChange: (change: Partial<Settings>) => void;
}

export function SamplingFields({ settings, onChange }: SamplingFieldsProps) {
  const { texts } = useSpeech();
  return (
    <details>
      <summary>{texts.playground.sampling}</summary>
      <div className="pairs">
        {SAMPLING_FIELDS.map(({ name, usual, min, max, step }) => (
          <NumberField
            key={name}
            label={texts.playground.samplingNames[name]}
            min={min}
            max={max}
            step={step}
            value={settings.sampling[name]}
            placeholder={usual === '' ? texts.playground.random : usual}
            onChange={(value) => {
              onChange({ sampling: { ...settings.sampling, [name]: value } });
            }}
          />
        ))}
      </div>
    </details>
  );
}

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
          <label key={name}>
            {texts.playground.samplingNames[name]}
            <input
              type="number"
              min={min}
              max={max}
              step={step}
              value={settings.sampling[name]}
              placeholder={usual === '' ? texts.playground.random : usual}
              onChange={(event) => {
                onChange({ sampling: { ...settings.sampling, [name]: event.target.value } });
              }}
            />
          </label>
        ))}
      </div>
    </details>
  );
}

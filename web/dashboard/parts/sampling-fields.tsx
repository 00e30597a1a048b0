import { useSpeech } from '../text/language.tsx';
import { NumberField } from './fields.tsx';
import { SAMPLING_FIELDS, type Sampling } from './sampling.ts';

export interface SamplingFieldsProps {
  readonly sampling: Sampling;
  readonly onChange: (sampling: Sampling) => void;
}

export function SamplingFields({ sampling, onChange }: SamplingFieldsProps) {
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
            value={sampling[name]}
            placeholder={usual === '' ? texts.playground.random : usual}
            onChange={(value) => {
              onChange({ ...sampling, [name]: value });
            }}
          />
        ))}
      </div>
    </details>
  );
}

import { useSpeech } from '../text/language.tsx';
import type { Choices } from './choices.ts';
import { Choice } from './fields.tsx';
import type { Place } from './place.ts';

export interface PlaceFieldsProps {
  readonly chosen: Place;
  readonly choices: Choices;
  readonly onChange: (change: Partial<Place>) => void;
}

/** Model, quantization, device: what the planner chooses among, or is told. */
export function PlaceFields({ chosen, choices, onChange }: PlaceFieldsProps) {
  const { texts, formats } = useSpeech();
  const { models } = choices;
  const variants = models.find(({ id }) => id === chosen.model)?.variants ?? [];
  return (
    <>
      <Choice
        label={texts.playground.model}
        value={chosen.model}
        options={models.map(({ id, name }) => [id, name])}
        onChange={(model) => {
          onChange({ model, quantization: '' });
        }}
      />
      <Choice
        label={texts.playground.quantization}
        value={chosen.quantization}
        options={[
          ['', texts.playground.auto],
          ...variants.map(
            ({ quantization, sizeBytes }) =>
              [quantization, `${quantization} (${formats.bytes(sizeBytes)})`] as const,
          ),
        ]}
        onChange={(quantization) => {
          onChange({ quantization });
        }}
      />
      <DeviceField chosen={chosen} choices={choices} onChange={onChange} />
    </>
  );
}

/** Anywhere, any device of a backend, or one device. */
function DeviceField({ chosen, choices, onChange }: PlaceFieldsProps) {
  const { texts } = useSpeech();
  const backends = choices.backends.filter(({ available, devices }) => available && devices.length > 0);
  return (
    <label>
      {texts.playground.place}
      <select
        value={chosen.place}
        onChange={(event) => {
          onChange({ place: event.target.value });
        }}
      >
        <option value="">{texts.playground.anywhere}</option>
        {backends.map(({ id, devices }) => (
          <optgroup key={id} label={id}>
            <option value={`backend ${id}`}>{texts.playground.anyOf(id)}</option>
            {devices.map((device) => (
              <option key={device.id} value={`device ${device.id}`}>
                {device.name}
              </option>
            ))}
          </optgroup>
        ))}
      </select>
    </label>
  );
}

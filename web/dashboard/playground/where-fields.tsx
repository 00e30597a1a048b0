import { Choice, NumberField } from '../parts/fields.tsx';
import { useSpeech } from '../text/language.tsx';
import type { SettingsFormProps } from './settings-form.tsx';

const OBJECTIVES = ['QUALITY', 'BALANCED', 'SPEED'] as const;

/** Model, quantization, place: what the planner chooses among, or is told. */
export function WhereFields({ settings, choices, onChange }: SettingsFormProps) {
  const { texts, formats } = useSpeech();
  const { models } = choices;
  const variants = models.find(({ id }) => id === settings.model)?.variants ?? [];
  return (
    <>
      <Choice
        label={texts.playground.model}
        value={settings.model}
        options={models.map(({ id, name }) => [id, name])}
        onChange={(model) => {
          onChange({ model, quantization: '' });
        }}
      />
      <Choice
        label={texts.playground.quantization}
        value={settings.quantization}
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
      <Place settings={settings} choices={choices} onChange={onChange} />
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

/** Anywhere, any device of a backend, or one device. */
function Place({ settings, choices, onChange }: SettingsFormProps) {
  const { texts } = useSpeech();
  const backends = choices.backends.filter(({ available, devices }) => available && devices.length > 0);
  return (
    <label>
      {texts.playground.place}
      <select
        value={settings.place}
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

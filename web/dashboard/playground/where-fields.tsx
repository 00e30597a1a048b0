import { useSpeech } from '../text/language.tsx';
import type { SettingsFormProps } from './settings-form.tsx';
import type { Settings } from './settings.ts';

const OBJECTIVES = ['QUALITY', 'BALANCED', 'SPEED'] as const;

/** Model, quantization, place: what the planner chooses among, or is told. */
export function WhereFields({ settings, choices, onChange }: SettingsFormProps) {
  const { texts, formats } = useSpeech();
  const { models, backends } = choices;
  const variants = models.find(({ id }) => id === settings.model)?.variants ?? [];
  return (
    <>
      <label>
        {texts.playground.model}
        <select
          value={settings.model}
          onChange={(event) => {
            onChange({ model: event.target.value, quantization: '' });
          }}
        >
          {models.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        {texts.playground.quantization}
        <select
          value={settings.quantization}
          onChange={(event) => {
            onChange({ quantization: event.target.value });
          }}
        >
          <option value="">{texts.playground.auto}</option>
          {variants.map(({ id, quantization, sizeBytes }) => (
            <option key={id} value={quantization}>
              {quantization} ({formats.bytes(sizeBytes)})
            </option>
          ))}
        </select>
      </label>
      <label>
        {texts.playground.place}
        <select
          value={settings.place}
          onChange={(event) => {
            onChange({ place: event.target.value });
          }}
        >
          <option value="">{texts.playground.anywhere}</option>
          {backends
            .filter(({ available, devices }) => available && devices.length > 0)
            .map(({ id, devices }) => (
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
      <label>
        {texts.playground.objective}
        <select
          value={settings.objective}
          onChange={(event) => {
            onChange({ objective: event.target.value as Settings['objective'] });
          }}
        >
          {OBJECTIVES.map((objective) => (
            <option key={objective} value={objective}>
              {texts.playground.objectives[objective]}
            </option>
          ))}
        </select>
      </label>
      <label>
        {texts.playground.contextSize}
        <input
          type="number"
          min={1}
          step={1}
          value={settings.contextSize}
          placeholder={texts.playground.byDefault}
          onChange={(event) => {
            onChange({ contextSize: event.target.value });
          }}
        />
      </label>
    </>
  );
}

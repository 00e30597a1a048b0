import { NumberField } from '../parts/fields.tsx';
import { useSpeech } from '../text/language.tsx';
import type { Choices } from './documents.ts';
import { PlanPreview } from './plan-preview.tsx';
import { SamplingFields } from './sampling-fields.tsx';
import { WhereFields } from './where-fields.tsx';
import type { Settings } from './settings.ts';

export interface SettingsFormProps {
  readonly settings: Settings;
  readonly choices: Choices;
  readonly onChange: (change: Partial<Settings>) => void;
}

export function SettingsForm(props: SettingsFormProps) {
  const { settings, onChange } = props;
  const { texts } = useSpeech();
  return (
    <section className="settings" aria-labelledby="settings-title">
      <h2 id="settings-title">{texts.playground.settings}</h2>
      <WhereFields {...props} />
      <PlanPreview settings={settings} />
      <fieldset>
        <legend>{texts.playground.mode}</legend>
        {[false, true].map((isRaw) => (
          <label key={String(isRaw)} className="choice">
            <input
              type="radio"
              name="mode"
              checked={settings.isRaw === isRaw}
              onChange={() => {
                onChange({ isRaw });
              }}
            />
            {isRaw ? texts.playground.raw : texts.playground.chat}
          </label>
        ))}
      </fieldset>
      {!settings.isRaw && (
        <label>
          {texts.playground.system}
          <textarea
            rows={2}
            value={settings.system}
            onChange={(event) => {
              onChange({ system: event.target.value });
            }}
          />
        </label>
      )}
      <NumberField
        label={texts.playground.maxTokens}
        min={1}
        value={settings.maxTokens}
        placeholder={texts.playground.untilEnd}
        onChange={(maxTokens) => {
          onChange({ maxTokens });
        }}
      />
      <SamplingFields settings={settings} onChange={onChange} />
    </section>
  );
}

import type { Choices } from '../parts/choices.ts';
import { NumberField } from '../parts/fields.tsx';
import { backendOf } from '../parts/place.ts';
import { PlanPreview } from '../parts/plan-preview.tsx';
import { PromptFields } from '../parts/prompt-fields.tsx';
import { SamplingFields } from '../parts/sampling-fields.tsx';
import { useSpeech } from '../text/language.tsx';
import { planInput, type Settings } from './settings.ts';
import { WhereFields } from './where-fields.tsx';

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
      <PlanPreview input={planInput(settings)} backend={backendOf(settings)} />
      <PromptFields kind={settings} onChange={onChange} />
      <NumberField
        label={texts.playground.maxTokens}
        min={1}
        value={settings.maxTokens}
        placeholder={texts.playground.untilEnd}
        onChange={(maxTokens) => {
          onChange({ maxTokens });
        }}
      />
      <SamplingFields
        sampling={settings.sampling}
        onChange={(sampling) => {
          onChange({ sampling });
        }}
      />
    </section>
  );
}

import { AnswerFields } from '../parts/answer-fields.tsx';
import type { Choices } from '../parts/choices.ts';
import { backendOf } from '../parts/place.ts';
import { PlanPreview } from '../parts/plan-preview.tsx';
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
      <AnswerFields settings={settings} onChange={onChange} />
    </section>
  );
}

import { useSpeech } from '../text/language.tsx';
import { NumberField } from './fields.tsx';
import { PromptFields, type PromptKind } from './prompt-fields.tsx';
import { SamplingFields } from './sampling-fields.tsx';
import type { Sampling } from './sampling.ts';

export interface AnswerSettings extends PromptKind {
  /** As typed; empty: until the model ends. */
  readonly maxTokens: string;
  readonly sampling: Sampling;
}

export interface AnswerFieldsProps {
  readonly settings: AnswerSettings;
  readonly onChange: (change: Partial<AnswerSettings>) => void;
}

/** How a prompt is to be answered, wherever that is. */
export function AnswerFields({ settings, onChange }: AnswerFieldsProps) {
  const { texts } = useSpeech();
  return (
    <>
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
    </>
  );
}

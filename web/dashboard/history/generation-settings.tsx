import { Fragment } from 'react';
import { useSpeech } from '../text/language.tsx';
import type { GenerationFacts } from './documents.ts';

/** What was asked for; what was left to the gateway says so. */
export function GenerationSettings({ facts: { settings, seed } }: { readonly facts: GenerationFacts }) {
  const { texts, formats } = useSpeech();
  if (settings === null) return null;
  const { playground, history } = texts;
  const { model, quantization, backend, device, contextSize, objective, maxTokens, sampling } = settings;
  const { samplingNames } = playground;
  const rows: readonly (readonly [name: string, value: string])[] = [
    [playground.model, model],
    [playground.quantization, quantization ?? playground.auto],
    [playground.place, device ?? backend ?? playground.anywhere],
    [playground.objective, playground.objectives[objective]],
    [playground.contextSize, formats.count(contextSize)],
    [playground.maxTokens, maxTokens === null ? playground.untilEnd : formats.count(maxTokens)],
    [samplingNames.temperature, formats.decimal(sampling.temperature)],
    [samplingNames.topK, String(sampling.topK)],
    [samplingNames.topP, formats.decimal(sampling.topP)],
    [samplingNames.minP, formats.decimal(sampling.minP)],
    [samplingNames.repeatPenalty, formats.decimal(sampling.repeatPenalty)],
    [history.names.repeatLastN, String(sampling.repeatLastN)],
    [history.names.presencePenalty, formats.decimal(sampling.presencePenalty)],
    [history.names.frequencyPenalty, formats.decimal(sampling.frequencyPenalty)],
    ...(seed === null ? [] : [[history.seed, String(seed)] as const]),
  ];
  return (
    <details>
      <summary>{history.settings}</summary>
      <dl className="facts">
        {rows.map(([name, value]) => (
          <Fragment key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </Fragment>
        ))}
      </dl>
    </details>
  );
}

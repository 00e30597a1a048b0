import { useSpeech } from '../text/language.tsx';
import type { ModelView } from './documents.ts';

export function ModelFacts({ model }: { readonly model: ModelView }) {
  const { texts, formats } = useSpeech();
  const { parameters, activeParameters } = model;
  const active =
    activeParameters === parameters ? '' : ` (${texts.models.active(formats.short(activeParameters))})`;
  return (
    <dl className="facts">
      <dt>{texts.models.architecture}</dt>
      <dd>{model.architecture}</dd>
      <dt>{texts.models.parameters}</dt>
      <dd>
        {formats.short(parameters)}
        {active}
      </dd>
      <dt>{texts.models.layers}</dt>
      <dd>{formats.count(model.layers)}</dd>
      <dt>{texts.models.contextLength}</dt>
      <dd>{formats.count(model.contextLength)}</dd>
      <dt>{texts.models.license}</dt>
      <dd>{model.license ?? texts.models.unknown}</dd>
    </dl>
  );
}

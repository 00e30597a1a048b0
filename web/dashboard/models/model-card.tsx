import { useId } from 'react';
import { useSpeech } from '../text/language.tsx';
import type { ModelView } from './documents.ts';

export function ModelCard({ model }: { readonly model: ModelView }) {
  const { texts, formats } = useSpeech();
  const title = useId();
  const { parameters, activeParameters } = model;
  const active =
    activeParameters === parameters ? '' : ` (${texts.models.active(formats.short(activeParameters))})`;
  return (
    <section className="card" aria-labelledby={title}>
      <h2 id={title}>{model.name}</h2>
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
      <Variants model={model} />
    </section>
  );
}

function Variants({ model }: { readonly model: ModelView }) {
  const { texts, formats } = useSpeech();
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={`${model.name}: ${texts.models.variants}`}>
      <table>
        <thead>
          <tr>
            <th scope="col">{texts.models.quantization}</th>
            <th scope="col">{texts.models.size}</th>
            <th scope="col">{texts.models.bitsPerWeight}</th>
            <th scope="col">{texts.models.quality}</th>
          </tr>
        </thead>
        <tbody>
          {model.variants.map(({ id, quantization, format, sizeBytes, bitsPerWeight, qualityLoss }) => (
            <tr key={id}>
              <th scope="row">
                {quantization} <small className="quiet">{format}</small>
              </th>
              <td>{formats.bytes(sizeBytes)}</td>
              <td>{formats.decimal(bitsPerWeight)}</td>
              <td>
                <Quality loss={qualityLoss} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Whose measurement it is stands beside it: it is a prior, not a measurement of this file. */
function Quality({ loss }: { readonly loss: ModelView['variants'][number]['qualityLoss'] }) {
  const { texts, formats } = useSpeech();
  if (loss === null) return texts.models.unknown;
  const figures = [
    ...(loss.perplexityRatio === null ? [] : [texts.models.ratio(formats.ratio(loss.perplexityRatio))]),
    ...(loss.klDivergence === null ? [] : [texts.models.divergence(formats.ratio(loss.klDivergence))]),
  ];
  return (
    <>
      {figures.join(' · ')}{' '}
      <small className="quiet source" lang="en">
        {loss.source}
      </small>
    </>
  );
}

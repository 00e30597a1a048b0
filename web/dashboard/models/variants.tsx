import type { ReactNode } from 'react';
import { DataTable } from '../parts/data-table.tsx';
import { useSpeech } from '../text/language.tsx';
import type { VariantView } from './documents.ts';

export interface VariantsProps {
  readonly label: string;
  readonly variants: readonly VariantView[];
  /** What can be done with one. */
  readonly action: (variant: VariantView) => ReactNode;
}

export function Variants({ label, variants, action }: VariantsProps) {
  const { texts, formats } = useSpeech();
  return (
    <DataTable
      label={label}
      rows={variants}
      keyOf={({ id }) => id}
      columns={[
        {
          title: texts.models.quantization,
          cell: ({ quantization, format }) => (
            <>
              {quantization} <small className="quiet">{format}</small>
            </>
          ),
        },
        { title: texts.models.size, cell: ({ sizeBytes }) => formats.bytes(sizeBytes) },
        { title: texts.models.bitsPerWeight, cell: ({ bitsPerWeight }) => formats.decimal(bitsPerWeight) },
        { title: texts.models.quality, cell: ({ qualityLoss }) => <Quality loss={qualityLoss} /> },
        { title: texts.devices.actions, cell: action },
      ]}
    />
  );
}

/** Whose measurement it is stands beside it: it is a prior, not a measurement of this file. */
function Quality({ loss }: { readonly loss: VariantView['qualityLoss'] }) {
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

import { useId } from 'react';
import { useMay } from '../sign-in/use-account.tsx';
import { useSpeech } from '../text/language.tsx';
import type { ModelView, VariantView } from './documents.ts';
import { ModelFacts } from './model-facts.tsx';
import { Variants } from './variants.tsx';

export interface ModelCardProps {
  readonly model: ModelView;
  readonly onRemove: (variant: VariantView) => void;
}

export function ModelCard({ model, onRemove }: ModelCardProps) {
  const { texts } = useSpeech();
  const mayManage = useMay('ADMIN');
  const title = useId();
  return (
    <section className="card" aria-labelledby={title}>
      <h2 id={title}>{model.name}</h2>
      <ModelFacts model={model} />
      <Variants
        label={`${model.name}: ${texts.models.variants}`}
        variants={model.variants}
        action={(variant) => {
          if (!variant.isRemovable) return <span className="quiet">{texts.models.comesWith}</span>;
          if (!mayManage) return null;
          return (
            <button
              type="button"
              className="secondary"
              aria-label={texts.models.removeOf(variant.id)}
              onClick={() => {
                onRemove(variant);
              }}
            >
              {texts.models.remove}
            </button>
          );
        }}
      />
    </section>
  );
}

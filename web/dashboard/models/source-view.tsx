import { problemOf } from '../api/problem.ts';
import { useAnswer } from '../api/use-answer.ts';
import { ProblemBox } from '../parts/problem-box.tsx';
import { useMay } from '../sign-in/use-account.tsx';
import { useSpeech } from '../text/language.tsx';
import { INSPECT } from './documents.ts';
import { ModelFacts } from './model-facts.tsx';
import { Planner } from './planner.tsx';
import { sourceOf } from './source-of.ts';
import type { Pulling } from './use-pulling.ts';
import { Variants } from './variants.tsx';

export interface SourceViewProps {
  readonly source: string;
  /** Ids of the variants that are here, and of those on their way. */
  readonly here: ReadonlySet<string>;
  readonly coming: ReadonlySet<string>;
  readonly pulling: Pulling;
}

/** What a source has, and what of it would fit, before anything is downloaded. */
export function SourceView({ source, here, coming, pulling }: SourceViewProps) {
  const { texts } = useSpeech();
  const mayPull = useMay('ADMIN');
  const { data, error, isStale } = useAnswer(INSPECT, { source });
  if (error !== null) return <ProblemBox problem={problemOf(error)} />;
  if (data === null)
    return (
      <p className="quiet" role="status" aria-busy={isStale}>
        {texts.models.looking}
      </p>
    );
  const model = data.inspectSource;
  return (
    <section className="offer" aria-label={texts.models.offers(source)}>
      <h3>{model.name}</h3>
      <ModelFacts model={model} />
      <Variants
        label={texts.models.offers(source)}
        variants={model.variants}
        action={({ id, quantization }) =>
          here.has(id) ? (
            texts.models.hereAlready
          ) : (
            <button
              type="button"
              className="secondary"
              aria-label={texts.models.pullOf(id)}
              disabled={pulling.isWorking || coming.has(id) || !mayPull}
              onClick={() => {
                pulling.start(sourceOf(source, quantization));
              }}
            >
              {texts.models.pull}
            </button>
          )
        }
      />
      <Planner
        title={texts.models.sourcePlanner}
        models={[{ id: source, name: model.name, variants: model.variants }]}
        isForHere
      />
    </section>
  );
}

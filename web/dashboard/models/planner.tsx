import { useId, useState } from 'react';
import { problemOf } from '../api/problem.ts';
import { useAnswer } from '../api/use-answer.ts';
import { Choice, NumberField } from '../parts/fields.tsx';
import { ProblemBox } from '../parts/problem-box.tsx';
import { useSpeech } from '../text/language.tsx';
import { CARDS } from './cards.ts';
import { FIT } from './documents.ts';
import { FitView } from './fit-view.tsx';
import { fitInput, FIRST_QUESTION, GIB, THIS_MACHINE } from './fit-question.ts';
import { MemorySlider } from './memory-slider.tsx';
import { useMargin } from './use-margin.ts';

const QUIET_MS = 150;

/** A model that is here, or what a source has: then its id is the source. */
interface Subject {
  readonly id: string;
  readonly name: string;
  readonly variants: readonly { readonly sizeBytes: number }[];
}

export interface PlannerProps {
  readonly title: string;
  readonly models: readonly Subject[];
  /** Begins with this machine instead of a card. */
  readonly isForHere: boolean;
}

/** The planner as a picture: how much memory, and what would run. */
export function Planner({ title, models, isForHere }: PlannerProps) {
  const { texts } = useSpeech();
  const titleId = useId();
  const [asked, setAsked] = useState({
    ...FIRST_QUESTION,
    ...(isForHere && { card: THIS_MACHINE }),
  });
  const change = (part: Partial<typeof asked>): void => {
    setAsked({ ...asked, ...part });
  };
  const model = models.find(({ id }) => id === asked.model) ?? models[0]!;
  const margin = useMargin(model.id);
  const question = { ...asked, model: model.id };
  const isHere = asked.card === THIS_MACHINE;
  const { data, error, isStale } = useAnswer(FIT, { input: fitInput(question) }, QUIET_MS);
  return (
    <section className="card planner" aria-labelledby={titleId} aria-busy={isStale}>
      <h2 id={titleId}>{title}</h2>
      <div className="row">
        <Choice
          label={texts.models.model}
          value={model.id}
          options={models.map(({ id, name }) => [id, name])}
          onChange={(id) => {
            change({ model: id });
          }}
        />
        <Choice
          label={texts.models.card}
          value={asked.card}
          options={[
            [THIS_MACHINE, texts.models.thisMachine],
            ['', texts.models.ownMemory],
            ...CARDS.map(({ name, gib }) => [name, `${name} (${gib} GB)`] as const),
          ]}
          onChange={(card) => {
            const gib = CARDS.find(({ name }) => name === card)?.gib;
            change({ card, ...(gib !== undefined && { memoryBytes: gib * GIB }) });
          }}
        />
        <NumberField
          label={texts.models.context}
          min={1}
          value={asked.contextSize}
          placeholder={texts.playground.byDefault}
          onChange={(contextSize) => {
            change({ contextSize });
          }}
        />
      </div>
      {!isHere && (
        <MemorySlider
          smallestBytes={Math.min(...model.variants.map(({ sizeBytes }) => sizeBytes))}
          marginBytes={margin ?? 0}
          memoryBytes={asked.memoryBytes}
          onChange={(memoryBytes) => {
            change({ memoryBytes, card: '' });
          }}
        />
      )}
      {error !== null && <ProblemBox problem={problemOf(error)} />}
      {data !== null && (
        <FitView plan={data.plan} device={isHere ? null : { memoryBytes: asked.memoryBytes, margin }} />
      )}
    </section>
  );
}

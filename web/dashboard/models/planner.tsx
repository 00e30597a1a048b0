import { useState } from 'react';
import { problemOf } from '../api/problem.ts';
import { useAnswer } from '../api/use-answer.ts';
import { Choice, NumberField } from '../parts/fields.tsx';
import { ProblemBox } from '../parts/problem-box.tsx';
import { useSpeech } from '../text/language.tsx';
import { CARDS } from './cards.ts';
import { FIT, type ModelView } from './documents.ts';
import { FitView } from './fit-view.tsx';
import { fitInput, FIRST_QUESTION, GIB } from './fit-question.ts';
import { MemorySlider } from './memory-slider.tsx';
import { useMargin } from './use-margin.ts';

const QUIET_MS = 150;

/** The planner as a picture: how much memory, and what would run. */
export function Planner({ models }: { readonly models: readonly ModelView[] }) {
  const { texts } = useSpeech();
  const [asked, setAsked] = useState(FIRST_QUESTION);
  const change = (part: Partial<typeof asked>): void => {
    setAsked({ ...asked, ...part });
  };
  const model = models.find(({ id }) => id === asked.model) ?? models[0]!;
  const margin = useMargin(model.id);
  const question = { ...asked, model: model.id };
  const { data, error, isStale } = useAnswer(FIT, { input: fitInput(question) }, QUIET_MS);
  return (
    <section className="card planner" aria-labelledby="planner-title" aria-busy={isStale}>
      <h2 id="planner-title">{texts.models.planner}</h2>
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
      <MemorySlider
        smallestBytes={Math.min(...model.variants.map(({ sizeBytes }) => sizeBytes))}
        marginBytes={margin ?? 0}
        memoryBytes={asked.memoryBytes}
        onChange={(memoryBytes) => {
          change({ memoryBytes, card: '' });
        }}
      />
      {error !== null && <ProblemBox problem={problemOf(error)} />}
      {data !== null && <FitView plan={data.plan} memoryBytes={asked.memoryBytes} margin={margin} />}
    </section>
  );
}

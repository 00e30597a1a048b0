import { useId, useState } from 'react';
import { problemOf } from '../api/problem.ts';
import { useAnswer } from '../api/use-answer.ts';
import { ProblemBox } from '../parts/problem-box.tsx';
import { useSpeech } from '../text/language.tsx';
import { CARDS } from './cards.ts';
import { FIT, type ModelView } from './documents.ts';
import { FitView } from './fit-view.tsx';
import { memoryScale } from './memory-scale.ts';
import { useMargin } from './use-margin.ts';

const GIB = 2 ** 30;
const QUIET_MS = 150;
const FIRST_CARD = CARDS.find(({ gib }) => gib === 16)!;

/** The planner as a picture: how much memory, and what would run. */
export function Planner({ models }: { readonly models: readonly ModelView[] }) {
  const { texts, formats } = useSpeech();
  const slider = useId();
  const [modelId, setModelId] = useState('');
  const [memoryBytes, setMemoryBytes] = useState(FIRST_CARD.gib * GIB);
  const [cardName, setCardName] = useState(FIRST_CARD.name);
  const [contextSize, setContextSize] = useState('');
  const model = models.find(({ id }) => id === modelId) ?? models[0]!;
  const margin = useMargin(model.id);
  const scale = memoryScale(Math.min(...model.variants.map(({ sizeBytes }) => sizeBytes)), margin ?? 0);
  const card = CARDS.find(({ name }) => name === cardName);
  const { data, error, isStale } = useAnswer(
    FIT,
    {
      input: {
        model: model.id,
        ...(contextSize !== '' && { contextSize: Number(contextSize) }),
        hypotheticalDevice: {
          name: card?.name ?? 'hypothetical',
          kind: 'CUDA',
          memoryTotalBytes: memoryBytes,
          ...(card !== undefined && { memoryBandwidth: card.bandwidth * 1e9 }),
        },
      },
    },
    QUIET_MS,
  );
  return (
    <section className="card planner" aria-labelledby="planner-title" aria-busy={isStale}>
      <h2 id="planner-title">{texts.models.planner}</h2>
      <div className="row">
        <label>
          {texts.models.model}
          <select
            value={model.id}
            onChange={(event) => {
              setModelId(event.target.value);
            }}
          >
            {models.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label>
          {texts.models.card}
          <select
            value={cardName}
            onChange={(event) => {
              const chosen = CARDS.find(({ name }) => name === event.target.value);
              setCardName(event.target.value);
              if (chosen !== undefined) setMemoryBytes(chosen.gib * GIB);
            }}
          >
            <option value="">{texts.models.ownMemory}</option>
            {CARDS.map(({ name, gib }) => (
              <option key={name} value={name}>
                {name} ({gib} GB)
              </option>
            ))}
          </select>
        </label>
        <label>
          {texts.models.context}
          <input
            type="number"
            min={1}
            value={contextSize}
            placeholder={texts.playground.byDefault}
            onChange={(event) => {
              setContextSize(event.target.value);
            }}
          />
        </label>
      </div>
      <div>
        <label htmlFor={slider}>{texts.models.slider}</label>
        <output htmlFor={slider}>{formats.bytes(memoryBytes)}</output>
        <input
          id={slider}
          type="range"
          min={0}
          max={scale.steps}
          value={scale.stepAt(memoryBytes)}
          aria-valuetext={formats.bytes(memoryBytes)}
          onChange={(event) => {
            setCardName('');
            setMemoryBytes(scale.bytesAt(Number(event.target.value)));
          }}
        />
      </div>
      {error !== null && <ProblemBox problem={problemOf(error)} />}
      {data !== null && <FitView plan={data.plan} memoryBytes={memoryBytes} margin={margin} />}
    </section>
  );
}

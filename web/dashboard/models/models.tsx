import { problemOf } from '../api/problem.ts';
import { useAnswer } from '../api/use-answer.ts';
import { ProblemBox } from '../parts/problem-box.tsx';
import { useTitle } from '../shell/use-title.ts';
import { useSpeech } from '../text/language.tsx';
import { MODELS } from './documents.ts';
import { ModelCard } from './model-card.tsx';
import { Planner } from './planner.tsx';

export default function Models() {
  const { texts } = useSpeech();
  useTitle(texts.models.title);
  const { data, error } = useAnswer(MODELS, {});
  return (
    <>
      <h1>{texts.models.title}</h1>
      {error !== null && <ProblemBox problem={problemOf(error)} />}
      {data === null && error === null && <p className="quiet">{texts.loading}</p>}
      {data?.models.length === 0 && <p>{texts.playground.noModels}</p>}
      {data !== null && data.models.length > 0 && <Planner models={data.models} />}
      {data?.models.map((model) => (
        <ModelCard key={model.id} model={model} />
      ))}
    </>
  );
}

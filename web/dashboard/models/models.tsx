import { useState } from 'react';
import { problemOf } from '../api/problem.ts';
import { useLive } from '../api/use-live.ts';
import { OutcomeLine, useActing } from '../parts/outcome.tsx';
import { ProblemBox } from '../parts/problem-box.tsx';
import { useTitle } from '../shell/use-title.ts';
import { RoleNote } from '../sign-in/role-note.tsx';
import { useMay } from '../sign-in/use-account.tsx';
import { useSpeech } from '../text/language.tsx';
import { MODELS, PULLS, type VariantView } from './documents.ts';
import { ModelCard } from './model-card.tsx';
import { Planner } from './planner.tsx';
import { PullForm } from './pull-form.tsx';
import { isUnderWay, Pulls } from './pulls.tsx';
import { RemoveDialog } from './remove-dialog.tsx';
import { usePulling } from './use-pulling.ts';

export default function Models() {
  const { texts } = useSpeech();
  useTitle(texts.models.title);
  const models = useLive(MODELS, {});
  const pulls = useLive(PULLS, {});
  const acting = useActing();
  const mayLook = useMay('USER');
  const pulling = usePulling(acting);
  const [removed, setRemoved] = useState<VariantView | null>(null);
  const error = models.error ?? pulls.error;
  const here = models.data?.modelStatus ?? [];
  const all = pulls.data?.modelPullStatus ?? [];
  return (
    <>
      <h1>{texts.models.title}</h1>
      {error !== null && <ProblemBox problem={problemOf(error)} />}
      {models.data === null && error === null && <p className="quiet">{texts.loading}</p>}
      <OutcomeLine outcome={acting.outcome} />
      {models.data !== null && here.length === 0 && <p>{texts.models.none}</p>}
      {here.length > 0 && <Planner title={texts.models.planner} models={here} isForHere={false} />}
      <RoleNote need="ADMIN" what={texts.signIn.toPull} />
      {mayLook && <PullForm here={idsOf(here)} coming={idsOf(all.filter(isUnderWay))} pulling={pulling} />}
      <Pulls pulls={all} pulling={pulling} />
      {here.map((model) => (
        <ModelCard key={model.id} model={model} onRemove={setRemoved} />
      ))}
      {removed !== null && (
        <RemoveDialog
          variant={removed}
          acting={acting}
          onClose={() => {
            setRemoved(null);
          }}
        />
      )}
    </>
  );
}

const idsOf = (all: readonly { readonly variants: readonly { readonly id: string }[] }[]): Set<string> =>
  new Set(all.flatMap(({ variants }) => variants.map(({ id }) => id)));

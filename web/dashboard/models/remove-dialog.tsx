import { useEffect, useId, useRef, useState } from 'react';
import { useClient } from 'urql';
import type { Acting } from '../parts/outcome.tsx';
import { ProblemBox } from '../parts/problem-box.tsx';
import { useSpeech } from '../text/language.tsx';
import { REMOVE, type VariantView } from './documents.ts';

export interface RemoveDialogProps {
  readonly variant: VariantView;
  readonly acting: Acting;
  readonly onClose: () => void;
}

/** Asks before files are deleted; and again, with what it costs, where the variant is in use. */
export function RemoveDialog({ variant, acting, onClose }: RemoveDialogProps) {
  const { texts, formats } = useSpeech();
  const client = useClient();
  const title = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const [wasTried, setWasTried] = useState(false);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  const { outcome, isWorking, act } = acting;
  const problem = wasTried && outcome.type === 'failed' ? outcome.problem : null;
  const isInUse = problem?.code === 'IN_USE';

  async function remove(): Promise<void> {
    setWasTried(true);
    const isGone = await act(
      () => client.mutation(REMOVE, { id: variant.id, force: isInUse }).toPromise(),
      ({ removeVariant }) =>
        ({ models }, { bytes }) =>
          models.removed(variant.id, bytes(removeVariant)),
    );
    if (isGone) onClose();
  }

  return (
    <dialog ref={dialog} aria-labelledby={title} onClose={onClose}>
      <h2 id={title}>{texts.models.removeAsk(variant.id)}</h2>
      <p>{texts.models.removeAbout(formats.bytes(variant.sizeBytes))}</p>
      {problem !== null && <ProblemBox problem={problem} />}
      {isInUse && <p>{texts.models.forceAbout}</p>}
      <div className="buttons">
        <button type="button" className="secondary" onClick={() => dialog.current?.close()}>
          {texts.models.keep}
        </button>
        <button type="button" disabled={isWorking} onClick={() => void remove()}>
          {isInUse ? texts.models.force : texts.models.remove}
        </button>
      </div>
    </dialog>
  );
}

import { useState, type SubmitEvent } from 'react';
import { useAction } from '../api/use-action.ts';
import { useAnswer } from '../api/use-answer.ts';
import { problemOf } from '../api/problem.ts';
import { ConfirmDialog } from '../parts/confirm-dialog.tsx';
import { useSpeech } from '../text/language.tsx';
import { CLEAR, COUNT } from './documents.ts';

/** The largest page: what is more is told as "at least". */
const COUNTED = 200;

/** Deletes what was created before a day begins, where the reader is. */
export function ClearForm({ onCleared }: { readonly onCleared: () => void }) {
  const { texts, formats } = useSpeech();
  const [day, setDay] = useState('');
  const [isAsking, setIsAsking] = useState(false);
  const [cleared, setCleared] = useState<number | null>(null);
  const onSubmit = (event: SubmitEvent): void => {
    event.preventDefault();
    setIsAsking(day !== '');
  };
  return (
    <section aria-labelledby="clear-title" className="card">
      <h2 id="clear-title">{texts.history.clear}</h2>
      <form className="row" onSubmit={onSubmit}>
        <label>
          {texts.history.clearBefore}
          <input type="date" required value={day} onChange={(event) => setDay(event.target.value)} />
        </label>
        <button type="submit" className="secondary">
          {texts.history.clearButton}
        </button>
      </form>
      <p className="status" role="status">
        {cleared === null ? '' : texts.history.cleared(formats.count(cleared))}
      </p>
      {isAsking && (
        <ClearDialog
          day={day}
          onCleared={(count) => {
            setCleared(count);
            setIsAsking(false);
            onCleared();
          }}
          onClose={() => {
            setIsAsking(false);
          }}
        />
      )}
    </section>
  );
}

interface ClearDialogProps {
  readonly day: string;
  readonly onCleared: (count: number) => void;
  readonly onClose: () => void;
}

/** Says how much it would be, and asks. */
function ClearDialog({ day, onCleared, onClose }: ClearDialogProps) {
  const { texts, formats } = useSpeech();
  const before = new Date(`${day}T00:00`).toISOString();
  const { data, error } = useAnswer(COUNT, { before, first: COUNTED });
  const { isBusy, problem, run } = useAction(CLEAR);
  const countOf = ({ edges }: { readonly edges: readonly unknown[] }): string => {
    const count = formats.count(edges.length);
    return edges.length === COUNTED ? texts.history.atLeast(count) : count;
  };
  const clear = async (): Promise<void> => {
    const done = await run({ before });
    if (done !== null) onCleared(done.clearHistory);
  };
  return (
    <ConfirmDialog
      title={texts.history.clearAsk(day)}
      about={
        data === null
          ? error === null
            ? texts.history.counting
            : ''
          : texts.history.clearAbout(
              countOf(data.generations),
              countOf(data.comparisons),
              countOf(data.evaluations),
            )
      }
      action={texts.history.delete}
      isBusy={isBusy || data === null}
      problem={problem ?? (error === null ? null : problemOf(error))}
      onConfirm={() => void clear()}
      onClose={onClose}
    />
  );
}

import { useEffect, useId, useRef } from 'react';
import type { Problem } from '../api/problem.ts';
import { useSpeech } from '../text/language.tsx';
import { ProblemBox } from './problem-box.tsx';

export interface ConfirmDialogProps {
  readonly title: string;
  /** What it means. */
  readonly about: string;
  /** What the button says that does it. */
  readonly action: string;
  /** It is not known yet what it means, or it is being done. */
  readonly isBusy: boolean;
  /** Why it could not be done. */
  readonly problem: Problem | null;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

/** Asks before something is gone for good. The browser's own dialog: Escape closes, and the focus comes back. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  const { title, about, action, isBusy, problem, onConfirm, onClose } = props;
  const { texts } = useSpeech();
  const titleId = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={titleId} onClose={onClose}>
      <h2 id={titleId}>{title}</h2>
      <p role="status">{about}</p>
      {problem !== null && <ProblemBox problem={problem} />}
      <div className="buttons">
        <button type="button" className="secondary" onClick={() => dialog.current?.close()}>
          {texts.history.keep}
        </button>
        <button type="button" disabled={isBusy} onClick={onConfirm}>
          {action}
        </button>
      </div>
    </dialog>
  );
}

import { useState } from 'react';
import type { TypedDocumentNode } from 'urql';
import { useAction } from '../api/use-action.ts';
import { ConfirmDialog } from '../parts/confirm-dialog.tsx';
import { useSpeech } from '../text/language.tsx';

export interface DeleteButtonProps {
  readonly document: TypedDocumentNode<{ isGone: boolean }, { id: string }>;
  readonly id: string;
  /** What it is, for who cannot see what stands beside the button. */
  readonly name: string;
  readonly onDeleted: () => void;
}

/** Of one entry: asks first. One that somebody else has deleted meanwhile is as gone. */
export function DeleteButton({ document, id, name, onDeleted }: DeleteButtonProps) {
  const { texts } = useSpeech();
  const { isBusy, problem, run } = useAction(document);
  const [isAsking, setIsAsking] = useState(false);
  const remove = async (): Promise<void> => {
    if ((await run({ id })) !== null) onDeleted();
  };
  return (
    <>
      <button
        type="button"
        className="secondary"
        aria-label={texts.history.deleteOf(name)}
        onClick={() => {
          setIsAsking(true);
        }}
      >
        {texts.history.delete}
      </button>
      {isAsking && (
        <ConfirmDialog
          title={texts.history.deleteAsk}
          about={texts.history.deleteAbout(name)}
          action={texts.history.delete}
          isBusy={isBusy}
          problem={problem}
          onConfirm={() => void remove()}
          onClose={() => {
            setIsAsking(false);
          }}
        />
      )}
    </>
  );
}

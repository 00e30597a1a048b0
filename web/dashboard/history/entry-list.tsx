import { useEffect, useRef, useState, type ReactNode } from 'react';
import type { TypedDocumentNode } from 'urql';
import { ProblemBox } from '../parts/problem-box.tsx';
import { useSpeech } from '../text/language.tsx';
import { DeleteButton } from './delete-button.tsx';
import type { Pages } from './use-pages.ts';

export interface EntryListProps<Node> {
  readonly title: string;
  readonly pages: Pages<Node>;
  readonly isFiltered: boolean;
  readonly entry: (node: Node) => ReactNode;
  /** What a person would call it. */
  readonly nameOf: (node: Node) => string;
  readonly removal: TypedDocumentNode<{ isGone: boolean }, { id: string }>;
  /** False for what goes with something else, or still runs. */
  readonly canDelete?: (node: Node) => boolean;
}

/** A list of one kind, newest first. */
export function EntryList<Node extends { readonly id: string }>(props: EntryListProps<Node>) {
  const { title, pages, isFiltered, entry, nameOf, removal, canDelete } = props;
  const { texts, formats } = useSpeech();
  const status = useRef<HTMLParagraphElement>(null);
  const [deleted, setDeleted] = useState(0);
  // The entry that held the focus is gone, and the dialog that kept it by now, too.
  useEffect(() => {
    if (deleted > 0) status.current?.focus();
  }, [deleted]);
  const { nodes, hasMore, problem, isBusy, more, refresh, leaveOut } = pages;
  const isEmpty = nodes.length === 0 && problem === null;
  const said = isEmpty
    ? isFiltered
      ? texts.history.nothingFound
      : texts.history.nothing
    : texts.history.shown(formats.count(nodes.length), hasMore);
  return (
    <section aria-label={title} aria-busy={isBusy} className="kept">
      {problem !== null && <ProblemBox problem={problem} />}
      <div className="buttons">
        <button type="button" className="secondary" onClick={refresh}>
          {problem === null ? texts.history.refresh : texts.history.retry}
        </button>
        <p className="status" role="status" tabIndex={-1} ref={status}>
          {isBusy && nodes.length === 0 ? texts.loading : problem === null || nodes.length > 0 ? said : ''}
        </p>
      </div>
      <ol className="entries">
        {nodes.map((node) => (
          <li key={node.id}>
            {entry(node)}
            {(canDelete?.(node) ?? true) && (
              <DeleteButton
                document={removal}
                id={node.id}
                name={nameOf(node)}
                onDeleted={() => {
                  leaveOut(node.id);
                  setDeleted((before) => before + 1);
                }}
              />
            )}
          </li>
        ))}
      </ol>
      {hasMore && (
        <button type="button" className="secondary" disabled={isBusy} onClick={more}>
          {texts.history.more}
        </button>
      )}
    </section>
  );
}

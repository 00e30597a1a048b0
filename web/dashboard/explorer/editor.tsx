import { EditorState, Prec, type Extension } from '@codemirror/state';
import { EditorView, keymap } from '@codemirror/view';
import { useEffect, useRef } from 'react';
import { flushSync } from 'react-dom';
import { EDITOR, WRITING } from './editor-setup.ts';

export interface EditorProps {
  readonly label: string;
  /** What it begins with: another text is another editor, by its key. Put back in, what is typed would race what comes. */
  readonly text: string;
  /** Made once: the editor is built anew when they change. */
  readonly extensions: readonly Extension[];
  /** Told to the editor as it is, which keeps what is typed and where the cursor stands. */
  readonly apply?: (view: EditorView) => void;
  /** Left out where it is only read. */
  readonly onChange?: (text: string) => void;
  /** Ctrl+Enter, or ⌘+Enter. */
  readonly onRun?: () => void;
}

/** CodeMirror, in a shadow root: there its styles are style sheets of a script's, which the content policy allows. */
export function Editor({ label, text, extensions, apply, onChange, onRun }: EditorProps) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const newest = useRef({ text, onChange, onRun });
  const isReadOnly = onChange === undefined;
  useEffect(() => {
    newest.current = { text, onChange, onRun };
  }, [text, onChange, onRun]);

  useEffect(() => {
    const element = place.current!;
    const root = element.shadowRoot ?? element.attachShadow({ mode: 'open' });
    const editor = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: newest.current.text,
        extensions: [
          Prec.highest(keymap.of([{ key: 'Mod-Enter', run: () => (newest.current.onRun?.(), true) }])),
          ...extensions,
          ...(isReadOnly ? [EditorState.readOnly.of(true)] : WRITING),
          EDITOR,
          EditorView.contentAttributes.of({ 'aria-label': label, 'spellcheck': 'false', 'tabindex': '0' }),
          EditorView.updateListener.of(({ docChanged, state }) => {
            // At once, so that Ctrl+Enter runs what stands there.
            if (docChanged) flushSync(() => newest.current.onChange?.(state.doc.toString()));
          }),
        ],
      }),
    });
    view.current = editor;
    return () => editor.destroy();
  }, [label, extensions, isReadOnly]);

  useEffect(() => {
    if (view.current !== null) apply?.(view.current);
  }, [apply, label, extensions, isReadOnly]);

  return <div className="editor" ref={place} />;
}

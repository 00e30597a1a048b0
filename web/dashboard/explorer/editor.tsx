import { EditorState, Prec, type Extension } from '@codemirror/state';
import { EditorView, keymap } from '@codemirror/view';
import { useEffect, useRef } from 'react';
import { EDITOR, WRITING } from './editor-setup.ts';

export interface EditorProps {
  readonly label: string;
  readonly text: string;
  /** Made once: the editor is built anew when they change. */
  readonly extensions: readonly Extension[];
  /** Left out where it is only read. */
  readonly onChange?: (text: string) => void;
  /** Ctrl+Enter, or ⌘+Enter. */
  readonly onRun?: () => void;
}

/** CodeMirror, in a shadow root: there its styles are style sheets of a script's, which the content policy allows. */
export function Editor({ label, text, extensions, onChange, onRun }: EditorProps) {
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
            if (docChanged) newest.current.onChange?.(state.doc.toString());
          }),
        ],
      }),
    });
    view.current = editor;
    return () => editor.destroy();
  }, [label, extensions, isReadOnly]);

  useEffect(() => {
    const state = view.current?.state;
    if (state === undefined || state.doc.toString() === text) return;
    view.current?.dispatch({ changes: { from: 0, to: state.doc.length, insert: text } });
  }, [text]);

  return <div className="editor" ref={place} />;
}

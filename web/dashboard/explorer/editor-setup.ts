import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from '@codemirror/language';
import { lintKeymap } from '@codemirror/lint';
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search';
import { EditorState, type Extension } from '@codemirror/state';
import { EditorView, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';

/** The page's own colours, which follow its theme. */
const highlight = HighlightStyle.define([
  { tag: [tags.keyword, tags.definitionKeyword, tags.modifier], color: 'var(--accent)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--kv-cache)' },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: 'var(--compute)' },
  { tag: [tags.typeName, tags.variableName, tags.special(tags.variableName)], color: 'var(--weights)' },
  { tag: [tags.comment, tags.lineComment, tags.blockComment], color: 'var(--quiet)' },
]);

const look = EditorView.theme({
  '&': { color: 'var(--text)', backgroundColor: 'var(--raised)', maxHeight: '32rem', fontSize: '0.9rem' },
  '&.cm-focused': { outline: '3px solid var(--accent)', outlineOffset: '2px' },
  '.cm-scroller': { fontFamily: 'ui-monospace, monospace', overflow: 'auto' },
  '.cm-content': { caretColor: 'var(--text)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-gutters': { color: 'var(--quiet)', backgroundColor: 'var(--ground)', border: '0' },
  '.cm-tooltip, .cm-panels': {
    color: 'var(--text)',
    backgroundColor: 'var(--raised)',
    border: '1px solid var(--field)',
  },
  '.cm-tooltip-autocomplete ul li[aria-selected]': {
    color: 'var(--on-accent)',
    backgroundColor: 'var(--accent)',
  },
  '.cm-selectionMatch, &.cm-focused .cm-matchingBracket': { backgroundColor: 'var(--free)' },
});

/** What every editor here has. Tab stays the key that leads out of it. */
export const EDITOR: readonly Extension[] = [
  lineNumbers(),
  bracketMatching(),
  highlightSelectionMatches(),
  syntaxHighlighting(highlight),
  EditorView.lineWrapping,
  look,
  keymap.of([...defaultKeymap, ...searchKeymap]),
];

export const WRITING: readonly Extension[] = [
  history(),
  indentOnInput(),
  closeBrackets(),
  autocompletion(),
  EditorState.tabSize.of(2),
  keymap.of([...closeBracketsKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap]),
];

import { useEffect, useRef } from 'react';
import type { ComparisonRun } from './run.ts';

export interface LiveTextProps {
  readonly run: ComparisonRun;
  readonly lane: number;
}

/**
 * An answer that is being written. What is new is added at the end: React and the layout of what was there before have
 * nothing to do with it, however long it is.
 */
export function LiveText({ run, lane }: LiveTextProps) {
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const { current } = root;
    if (current === null) return;
    const text = new GrowingText(current);
    const write = (): void => text.write(run.text(lane));
    write();
    const stop = run.onText(lane, write);
    const observer = new IntersectionObserver((entries) =>
      run.setSeen(lane, entries.at(-1)?.isIntersecting !== false),
    );
    // What it scrolls in; it itself may be empty, or above the part that is shown.
    observer.observe(current.parentElement ?? current);
    return () => {
      observer.disconnect();
      stop();
      current.replaceChildren();
    };
  }, [run, lane]);
  return <div ref={root} />;
}

/** Characters; a browser shapes a whole piece of text anew whenever it grows. */
const PIECE_LENGTH = 24;
/** Characters; a browser breaks a whole paragraph into lines anew whenever it grows. */
const PARAGRAPH_LENGTH = 256;

/** A text that only grows, in an element: a block for each line of it, and for each part of a long one. */
class GrowingText {
  readonly #root: HTMLElement;
  #length = 0;
  /** The block that is written into; null before a line begins. */
  #block: HTMLElement | null = null;
  #blockLength = 0;

  constructor(root: HTMLElement) {
    this.#root = root;
  }

  /** `text` begins with what was written before. */
  write(text: string): void {
    if (text.length === this.#length) return;
    for (const piece of text.slice(this.#length).split(/(?<=\n)/)) this.#append(piece);
    this.#length = text.length;
    if (this.#block !== null && this.#blockLength > PARAGRAPH_LENGTH) this.#divide(this.#block);
  }

  #append(piece: string): void {
    this.#block ??= this.#begin();
    const { lastChild } = this.#block;
    if (lastChild instanceof Text && lastChild.length < PIECE_LENGTH) lastChild.appendData(piece);
    else this.#block.append(piece);
    this.#blockLength += piece.length;
    if (piece.endsWith('\n')) this.#block = null;
  }

  #begin(): HTMLElement {
    this.#blockLength = 0;
    return this.#root.appendChild(document.createElement('div'));
  }

  /** Where the last line that one sees begins: there, a new block looks as none. */
  #divide(block: HTMLElement): void {
    const pieces = [...block.childNodes].filter((node) => node instanceof Text);
    const isOnLastLine = lastLineOf(block);
    const piece = pieces.findLast((each) => !isOnLastLine(each, 0));
    if (piece === undefined) return;
    let [before, after] = [0, piece.length];
    while (after - before > 1) {
      const middle = (before + after) >> 1;
      if (isOnLastLine(piece, middle)) after = middle;
      else before = middle;
    }
    const rest = after < piece.length ? [piece.splitText(after)] : [];
    this.#block = this.#begin();
    this.#block.append(...rest, ...pieces.slice(pieces.indexOf(piece) + 1));
    this.#blockLength = this.#block.textContent.length;
  }
}

/** Tells of a character whether it is on the last line of a block. */
function lastLineOf(block: HTMLElement): (node: Text, at: number) => boolean {
  const range = document.createRange();
  range.selectNodeContents(block);
  const top = [...range.getClientRects()].at(-1)?.top ?? Infinity;
  return (node, at) => {
    range.setStart(node, at);
    range.setEnd(node, at + 1);
    const rect = range.getClientRects()[0];
    return rect !== undefined && rect.top >= top - 1;
  };
}

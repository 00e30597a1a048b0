import { useEffect, useRef } from 'react';
import type { ComparisonRun } from './run.ts';

export interface LiveTextProps {
  readonly run: ComparisonRun;
  readonly lane: number;
}

/** Characters; a browser lays out a whole piece of text anew whenever it grows. */
const PIECE_LENGTH = 64;

/**
 * An answer that is being written. What is new is added at the end, a block for each line: React and the layout of
 * what was there before have nothing to do with it, however long it is.
 */
export function LiveText({ run, lane }: LiveTextProps) {
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const { current } = root;
    if (current === null) return;
    let length = 0;
    let line: HTMLElement | null = null;
    let end: Text | null = null;
    const write = (): void => {
      const text = run.text(lane);
      if (text.length === length) return;
      for (const piece of text.slice(length).split(/(?<=\n)/)) {
        if (line === null || end === null || end.length > PIECE_LENGTH) {
          line ??= current.appendChild(document.createElement('div'));
          end = line.appendChild(document.createTextNode(''));
        }
        end.appendData(piece);
        if (piece.endsWith('\n')) line = null;
      }
      length = text.length;
    };
    write();
    const stop = run.onText(write);
    return () => {
      stop();
      current.replaceChildren();
    };
  }, [run, lane]);
  return <div ref={root} />;
}

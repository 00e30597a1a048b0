import type { CommandOf, ReportOf } from '../../src/protocol/frames.ts';

export type Load = CommandOf<'load'>;
export type Start = CommandOf<'start'>;
export type Part = Pick<ReportOf<'part'>, 'text' | 'tokens'>;
export type End = Omit<ReportOf<'end'>, 'type' | 'id'>;

/** An error that crosses the socket by its code. */
export class EngineError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** A loaded model in this browser. */
export interface Model {
  /** Yields nothing after the end; `onPart` is called with what is sure. @throws EngineError */
  run(start: Start, onPart: (part: Part) => void, signal: AbortSignal): Promise<End>;
  unload(): Promise<void>;
}

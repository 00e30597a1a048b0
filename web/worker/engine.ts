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

export interface LoadHooks {
  /** 0 to 1. */
  readonly onProgress: (fraction: number) => void;
  /** What was loaded is gone, as when the GPU is; called once at most, after the load. */
  readonly onLost: (error: EngineError) => void;
  readonly signal: AbortSignal;
}

/** Loads weights; rejects when the signal aborts. @throws EngineError */
export type Loader = (load: Load, hooks: LoadHooks) => Promise<Loaded>;

export interface Loaded {
  readonly model: Model;
  readonly contextSize: number;
}

/** A loaded model in this browser. */
export interface Model {
  /** Yields nothing after the end; `onPart` is called with what is sure. @throws EngineError */
  run(start: Start, onPart: (part: Part) => void, signal: AbortSignal): Promise<End>;
  unload(): Promise<void>;
}

/** What an answer ends with that had nothing to compute. */
export const emptyEnd = (reason: End['reason']): End => ({
  reason,
  usage: { promptTokens: 0, cachedPromptTokens: 0, completionTokens: 0 },
  timings: { sample: null, promptEval: { ms: 0, count: 0 }, eval: { ms: 0, count: 0 } },
});

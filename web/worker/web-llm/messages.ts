import type { End, Part, Start } from '../engine.ts';

/** What web-llm is to load. */
export interface LoadRequest {
  /** Absolute addresses. */
  readonly model: string;
  readonly library: string;
  readonly interface: 'PACKED' | 'FFI';
  readonly contextSize: number;
  readonly files: readonly WeightFile[];
}

export interface WeightFile {
  readonly url: string;
  readonly sizeBytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
}

/** From the page to the Web Worker that holds one model. Runs one answer at a time. */
export type ToWorker =
  | { readonly type: 'load'; readonly request: LoadRequest }
  | { readonly type: 'start'; readonly start: Start }
  | { readonly type: 'cancel' };

/** And back. `failed` ends the load or the answer, `lost` the worker's model. */
export type FromWorker =
  | { readonly type: 'progress'; readonly fraction: number }
  | { readonly type: 'loaded' }
  | { readonly type: 'part'; readonly part: Part }
  | { readonly type: 'end'; readonly end: End }
  | { readonly type: 'failed'; readonly code: string; readonly message: string }
  | { readonly type: 'lost'; readonly code: string; readonly message: string };

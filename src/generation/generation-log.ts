import type { ErrorCode } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Generation } from './generation.ts';

export interface GenerationLogOptions {
  readonly log: Log;
  /** Whether prompts and answers may stand in the log. */
  readonly logPrompts: boolean;
  readonly now: () => number;
}

const idsOf = ({ id, requestId, trace }: Generation) => ({
  generation: id,
  request: requestId,
  ...(trace !== null && { trace_id: trace.traceId }),
});

export function logStart(generation: Generation, { log, logPrompts }: GenerationLogOptions): void {
  const { request, comparisonId } = generation;
  const { model, prompt } = request;
  log.info('generation.started', { ...idsOf(generation), model, comparison: comparisonId });
  if (logPrompts) log.info('generation.prompt', { ...idsOf(generation), prompt });
}

/** Another plan is tried. */
export const logReplan = (generation: Generation, after: ErrorCode, { log }: { readonly log: Log }): void =>
  log.warn('generation.replanned', { ...idsOf(generation), reason: after });

export function logEnd(generation: Generation, { log, logPrompts, now }: GenerationLogOptions): void {
  const { state, usage, createdAt, error } = generation;
  const ms = now() - createdAt.getTime();
  const code = error?.code ?? null;
  log.info('generation.ended', { ...idsOf(generation), state, code, tokens: usage.completionTokens, ms });
  if (logPrompts) log.info('generation.answer', { ...idsOf(generation), text: generation.text });
}

import type { Evaluation } from '../quality/evaluation.ts';

/** What evaluations are found by. Times are milliseconds since 1970. */
export interface EvaluationColumns {
  readonly id: string;
  readonly callerId: string;
  readonly createdAt: number;
  readonly modelId: string;
}

/** Null: not asked. All that is asked must hold. */
export interface EvaluationFilter {
  /** Who asked for it. */
  readonly callerId: string | null;
  readonly modelId: string | null;
  readonly createdFrom: number | null;
  readonly createdBefore: number | null;
}

export function evaluationColumns({ id, callerId, createdAt, model }: Evaluation): EvaluationColumns {
  return { id, callerId, createdAt: createdAt.getTime(), modelId: model };
}

/** As the store's own query decides. */
export function matchesEvaluation(columns: EvaluationColumns, filter: EvaluationFilter): boolean {
  const { callerId, modelId, createdFrom, createdBefore } = filter;
  return (
    (callerId === null || columns.callerId === callerId) &&
    (modelId === null || columns.modelId === modelId) &&
    (createdFrom === null || columns.createdAt >= createdFrom) &&
    (createdBefore === null || columns.createdAt < createdBefore)
  );
}

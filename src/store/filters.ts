import { sql, type Expression, type ExpressionBuilder, type SqlBool } from 'kysely';
import type { ComparisonFilter } from '../generation/history/comparison-columns.ts';
import type { EvaluationFilter } from '../generation/history/evaluation-columns.ts';
import { asksForConcealed, type GenerationFilter } from '../generation/history/generation-columns.ts';
import { searchTextOf } from '../generation/history/search-text.ts';
import type { Database } from './schema.ts';

/** What rows must satisfy; as `matchesGeneration` and its like decide in memory. */

type Condition = Expression<SqlBool>;
const asked = (conditions: readonly (Condition | null)[]): Condition[] =>
  conditions.filter((condition) => condition !== null);

const pattern = (search: string): string =>
  `%${searchTextOf(search).replaceAll(/[\\%_]/g, (character) => `\\${character}`)}%`;

export function generationConditions(
  eb: ExpressionBuilder<Database, 'generations'>,
  filter: GenerationFilter,
): Condition {
  const exact = <Value extends string | number>(
    column: keyof Database['generations'],
    value: Value | null,
  ) => (value === null ? null : eb(`generations.${column}`, '=', value));
  const { comparisonId, isLane, states, search, createdFrom, createdBefore, hasDrifted } = filter;
  const isRevealed = () =>
    eb.or([
      eb('generations.comparison_id', 'is', null),
      eb.exists(
        eb
          .selectFrom('comparisons')
          .select('comparisons.id')
          .whereRef('comparisons.id', '=', 'generations.comparison_id')
          .where('comparisons.is_revealed', '=', 1),
      ),
    ]);
  return eb.and(
    asked([
      exact('caller_id', filter.callerId),
      exact('model_id', filter.modelId),
      exact('quantization', filter.quantization),
      exact('backend_id', filter.backendId),
      exact('device_id', filter.deviceId),
      exact('language', filter.language),
      exact('comparison_id', comparisonId),
      exact('has_drifted', hasDrifted === null ? null : Number(hasDrifted)),
      asksForConcealed(filter) ? isRevealed() : null,
      isLane === null ? null : eb('generations.comparison_id', isLane ? 'is not' : 'is', null),
      states === null ? null : eb('generations.state', 'in', states.length === 0 ? [''] : states),
      search === null ? null : searched(eb, 'generations.search_text', search),
      createdFrom === null ? null : eb('generations.created_at', '>=', createdFrom),
      createdBefore === null ? null : eb('generations.created_at', '<', createdBefore),
    ]),
  );
}

export function comparisonConditions(
  eb: ExpressionBuilder<Database, 'comparisons'>,
  { callerId, modelId, hasVotes, search, createdFrom, createdBefore }: ComparisonFilter,
): Condition {
  const ofModel = (id: string) =>
    eb.exists(
      eb
        .selectFrom('comparison_models')
        .select('comparison_models.model_id')
        .whereRef('comparison_models.comparison_id', '=', 'comparisons.id')
        .where('comparison_models.model_id', '=', id),
    );
  const voted = eb.exists(
    eb.selectFrom('votes').select('votes.lane').whereRef('votes.comparison_id', '=', 'comparisons.id'),
  );
  return eb.and(
    asked([
      callerId === null ? null : eb('comparisons.caller_id', '=', callerId),
      modelId === null ? null : ofModel(modelId),
      hasVotes === null ? null : hasVotes ? voted : eb.not(voted),
      search === null ? null : searched(eb, 'comparisons.search_text', search),
      createdFrom === null ? null : eb('comparisons.created_at', '>=', createdFrom),
      createdBefore === null ? null : eb('comparisons.created_at', '<', createdBefore),
    ]),
  );
}

export function evaluationConditions(
  eb: ExpressionBuilder<Database, 'evaluations'>,
  { callerId, modelId, createdFrom, createdBefore }: EvaluationFilter,
): Condition {
  return eb.and(
    asked([
      callerId === null ? null : eb('caller_id', '=', callerId),
      modelId === null ? null : eb('model_id', '=', modelId),
      createdFrom === null ? null : eb('created_at', '>=', createdFrom),
      createdBefore === null ? null : eb('created_at', '<', createdBefore),
    ]),
  );
}

/** SQLite needs to be told what escapes; PostgreSQL knows. */
const searched = <Table extends 'generations' | 'comparisons'>(
  eb: ExpressionBuilder<Database, Table>,
  column: `${Table}.search_text`,
  search: string,
): Condition => sql<SqlBool>`${eb.ref(column)} like ${pattern(search)} escape '\\'`;

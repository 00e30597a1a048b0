import type { Transaction } from 'kysely';
import type { ComparisonColumns } from '../generation/history/comparison-columns.ts';
import type { EvaluationColumns } from '../generation/history/evaluation-columns.ts';
import type { GenerationColumns } from '../generation/history/generation-columns.ts';
import type {
  ComparisonEntry,
  Entry,
  EvaluationEntry,
  HistoryChange,
} from '../generation/history/history-store.ts';
import type { Database, GenerationsTable } from './schema.ts';

type Changing = Transaction<Database>;

export async function saveChange(database: Changing, change: HistoryChange): Promise<void> {
  switch (change.kind) {
    case 'generation':
      return saveGenerations(database, [change.entry]);
    case 'comparison':
      return saveComparison(database, change.entry);
    case 'evaluation':
      return saveEvaluation(database, change.entry);
  }
}

async function saveGenerations(
  database: Changing,
  entries: readonly Entry<GenerationColumns>[],
): Promise<void> {
  const variants = entries.flatMap(({ variant }) => (variant === null ? [] : [variant]));
  for (const { id, facts } of variants)
    await database
      .insertInto('variants')
      .values({ id, facts: withoutNul(facts) })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  await database
    .insertInto('generations')
    .values(entries.map(generationRow))
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** After the end, what is judged may change; nothing else does. */
async function saveComparison(
  database: Changing,
  { columns, record, generations, votes }: ComparisonEntry,
): Promise<void> {
  const { id, isRevealed, modelIds, searchText } = columns;
  await saveGenerations(database, generations);
  await database
    .insertInto('comparisons')
    .values({
      ...keptRow(columns, record, searchText),
      is_revealed: Number(isRevealed),
      search_text: searchText,
    })
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ is_revealed: Number(isRevealed) }))
    .execute();
  await database
    .insertInto('comparison_models')
    .values(modelIds.map((modelId) => ({ comparison_id: id, model_id: modelId })))
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  for (const { lane, callerId, ...vote } of votes) {
    const changing = {
      value: vote.value,
      comment: vote.comment === null ? null : withoutNul(vote.comment),
      is_blind: Number(vote.isBlind),
      created_at: vote.createdAt.getTime(),
    };
    await database
      .insertInto('votes')
      .values({ comparison_id: id, lane, caller_id: callerId, ...changing })
      .onConflict((conflict) =>
        conflict.columns(['comparison_id', 'lane', 'caller_id']).doUpdateSet(changing),
      )
      .execute();
  }
}

async function saveEvaluation(database: Changing, { columns, record }: EvaluationEntry): Promise<void> {
  await database
    .insertInto('evaluations')
    .values({ ...keptRow(columns, record, ''), model_id: columns.modelId })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

function generationRow({ columns, record }: Entry<GenerationColumns>): GenerationsTable {
  const { searchText } = columns;
  return {
    ...keptRow(columns, record, searchText),
    comparison_id: columns.comparisonId,
    state: columns.state,
    model_id: columns.modelId,
    variant_id: columns.variantId,
    quantization: columns.quantization,
    backend_id: columns.backendId,
    device_id: columns.deviceId,
    language: columns.language,
    has_drifted: Number(columns.hasDrifted),
    search_text: searchText,
  };
}

const keptRow = (
  { id, callerId, createdAt }: GenerationColumns | ComparisonColumns | EvaluationColumns,
  record: string,
  searchText: string,
) => ({
  id,
  caller_id: callerId,
  created_at: createdAt,
  size_bytes: Buffer.byteLength(record) + Buffer.byteLength(searchText),
  record,
});

/** PostgreSQL keeps it in no text; in JSON it is escaped. */
const withoutNul = (text: string): string => text.replaceAll('\0', '');

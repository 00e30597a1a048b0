import { sql, type Kysely, type Transaction } from 'kysely';
import type { Vote, VoteValue } from '../generation/comparison/votes.ts';
import type { ComparisonFilter } from '../generation/history/comparison-columns.ts';
import type { EvaluationFilter } from '../generation/history/evaluation-columns.ts';
import type { GenerationFilter } from '../generation/history/generation-columns.ts';
import type {
  HistoryChange,
  HistoryKind,
  HistoryStore,
  HistoryUsage,
  PageQuery,
  Retention,
  StoredComparison,
  StoredGeneration,
  StoredJudgement,
  VariantRecord,
} from '../generation/history/history-store.ts';
import { generationIdsOf } from '../generation/history/records.ts';
import { comparisonConditions, evaluationConditions, generationConditions } from './filters.ts';
import { groupBy } from './group-by.ts';
import { removeFrom, sweep } from './removal.ts';
import type { Database, VotesTable } from './schema.ts';
import { saveChange } from './saving.ts';

type Db = Kysely<Database> | Transaction<Database>;

export interface SqlHistoryStoreOptions {
  readonly database: Kysely<Database>;
  /** Gives room that removed entries took back to the disk. */
  readonly compact?: () => Promise<void>;
}

/** History in a database with SQL. */
export class SqlHistoryStore implements HistoryStore {
  readonly #database: Kysely<Database>;
  readonly #compact: () => Promise<void>;

  constructor({ database, compact = async () => undefined }: SqlHistoryStoreOptions) {
    this.#database = database;
    this.#compact = compact;
  }

  async save(changes: readonly HistoryChange[]): Promise<void> {
    await this.#database.transaction().execute(async (transaction) => {
      for (const change of changes) await saveChange(transaction, change);
    });
  }

  async generation(id: string, callerId: string | null): Promise<StoredGeneration | null> {
    const row = await generationRows(this.#database)
      .where('generations.id', '=', id)
      .$if(callerId !== null, (query) => query.where('generations.caller_id', '=', callerId!))
      .executeTakeFirst();
    return row === undefined ? null : storedGeneration(row);
  }

  async generations({ filter, first, after }: PageQuery<GenerationFilter>): Promise<StoredGeneration[]> {
    const rows = await generationRows(this.#database)
      .where((eb) => generationConditions(eb, filter))
      .$if(after !== null, (query) => query.where('generations.id', '<', after!))
      .orderBy('generations.id', 'desc')
      .limit(first)
      .execute();
    return rows.map(storedGeneration);
  }

  async comparison(id: string, callerId: string | null): Promise<StoredComparison | null> {
    const rows = await comparisonRows(this.#database)
      .where('id', '=', id)
      .$if(callerId !== null, (query) => query.where('caller_id', '=', callerId!))
      .execute();
    const [comparison] = await this.#withLanes(rows);
    return comparison ?? null;
  }

  async comparisons({ filter, first, after }: PageQuery<ComparisonFilter>): Promise<StoredComparison[]> {
    const rows = await comparisonRows(this.#database)
      .where((eb) => comparisonConditions(eb, filter))
      .$if(after !== null, (query) => query.where('id', '<', after!))
      .orderBy('id', 'desc')
      .limit(first)
      .execute();
    return this.#withLanes(rows);
  }

  async evaluation(id: string, callerId: string | null): Promise<string | null> {
    const row = await this.#database
      .selectFrom('evaluations')
      .select('record')
      .where('id', '=', id)
      .$if(callerId !== null, (query) => query.where('caller_id', '=', callerId!))
      .executeTakeFirst();
    return row?.record ?? null;
  }

  async evaluations({ filter, first, after }: PageQuery<EvaluationFilter>): Promise<string[]> {
    const rows = await this.#database
      .selectFrom('evaluations')
      .select('record')
      .where((eb) => evaluationConditions(eb, filter))
      .$if(after !== null, (query) => query.where('id', '<', after!))
      .orderBy('id', 'desc')
      .limit(first)
      .execute();
    return rows.map(({ record }) => record);
  }

  async variants(ids: readonly string[]): Promise<VariantRecord[]> {
    if (ids.length === 0) return [];
    return this.#database.selectFrom('variants').selectAll().where('id', 'in', ids).execute();
  }

  async judgements(): Promise<StoredJudgement[]> {
    const votes = await this.#database
      .selectFrom('votes')
      .innerJoin('comparisons', 'comparisons.id', 'votes.comparison_id')
      .selectAll('votes')
      .select('comparisons.record')
      .where('comparisons.is_revealed', '=', 1)
      .orderBy('votes.comparison_id')
      .execute();
    const byComparison = groupBy(votes, ({ comparison_id: id }) => id);
    return Promise.all(
      [...byComparison].map(async ([comparisonId, rows]) => ({
        comparisonId,
        variantIds: await this.#variantsOf(rows[0]!.record),
        votes: rows.map(vote),
      })),
    );
  }

  async remove(kind: HistoryKind, id: string): Promise<boolean> {
    return this.#database
      .transaction()
      .execute(async (transaction) => (await removeFrom(transaction, kind, [id])) > 0);
  }

  async sweep(retention: Retention): Promise<number> {
    const removed = await sweep(this.#database, retention);
    if (removed > 0) await this.#compact();
    return removed;
  }

  async schemaVersion(): Promise<string> {
    const newest = sql<{ name: string }>`select name from kysely_migration order by name desc limit 1`;
    const { rows } = await newest.execute(this.#database);
    return rows[0]!.name;
  }

  async usage(): Promise<HistoryUsage> {
    const [generations, comparisons, evaluations] = await Promise.all(
      (['generations', 'comparisons', 'evaluations'] as const).map((table) =>
        this.#database
          .selectFrom(table)
          .select((eb) => [
            eb.fn.countAll<number>().as('count'),
            sql<number>`coalesce(sum(size_bytes), 0)`.as('bytes'),
          ])
          .executeTakeFirstOrThrow(),
      ),
    );
    const tables = [generations!, comparisons!, evaluations!];
    return {
      generations: Number(generations!.count),
      comparisons: Number(comparisons!.count),
      evaluations: Number(evaluations!.count),
      bytes: tables.reduce((sum, { bytes }) => sum + Number(bytes), 0),
    };
  }

  async close(): Promise<void> {
    await this.#database.destroy();
  }

  async #variantsOf(record: string): Promise<(string | null)[]> {
    const ids = generationIdsOf(record);
    const rows = await this.#database
      .selectFrom('generations')
      .select(['id', 'variant_id'])
      .where('id', 'in', ids)
      .execute();
    const variants = new Map(rows.map(({ id, variant_id }) => [id, variant_id]));
    return ids.map((id) => variants.get(id) ?? null);
  }

  async #withLanes(
    rows: readonly { id: string; record: string; is_revealed: number }[],
  ): Promise<StoredComparison[]> {
    if (rows.length === 0) return [];
    const ids = rows.map(({ id }) => id);
    const [generations, votes] = await Promise.all([
      this.#database
        .selectFrom('generations')
        .select(['id', 'comparison_id', 'record'])
        .where('comparison_id', 'in', ids)
        .execute(),
      this.#database
        .selectFrom('votes')
        .selectAll()
        .where('comparison_id', 'in', ids)
        .orderBy('created_at')
        .orderBy('lane')
        .execute(),
    ]);
    const lanesOf = groupBy(generations, ({ comparison_id: id }) => id);
    const votesOf = groupBy(votes, ({ comparison_id: id }) => id);
    return rows.map(({ id, record, is_revealed }) => ({
      record,
      isRevealed: is_revealed === 1,
      votes: (votesOf.get(id) ?? []).map(vote),
      generations: new Map((lanesOf.get(id) ?? []).map((lane) => [lane.id, lane.record])),
    }));
  }
}

const comparisonRows = (database: Db) =>
  database.selectFrom('comparisons').select(['id', 'record', 'is_revealed']);

const generationRows = (database: Db) =>
  database
    .selectFrom('generations')
    .leftJoin('comparisons', 'comparisons.id', 'generations.comparison_id')
    .select(['generations.record', 'comparisons.is_revealed']);

const storedGeneration = (row: { record: string; is_revealed: number | null }): StoredGeneration => ({
  record: row.record,
  isConcealed: row.is_revealed === 0,
});

const vote = (row: VotesTable): Vote => ({
  lane: row.lane,
  value: row.value as VoteValue,
  comment: row.comment,
  createdAt: new Date(row.created_at),
  isBlind: row.is_blind === 1,
  callerId: row.caller_id,
});

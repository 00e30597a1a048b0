import { sql, type Kysely, type Transaction } from 'kysely';
import type { HistoryKind, Retention } from '../generation/history/history-store.ts';
import { groupBy } from './group-by.ts';
import type { Database } from './schema.ts';

const TABLES = { generation: 'generations', comparison: 'comparisons', evaluation: 'evaluations' } as const;

/** How many there were. A comparison's lanes and votes go with it. */
export async function removeFrom(
  database: Transaction<Database>,
  kind: HistoryKind,
  ids: readonly string[],
): Promise<number> {
  if (ids.length === 0) return 0;
  if (kind === 'comparison')
    for (const table of ['generations', 'votes', 'comparison_models'] as const)
      await database.deleteFrom(table).where('comparison_id', 'in', ids).execute();
  const { numDeletedRows } = await database
    .deleteFrom(TABLES[kind])
    .where('id', 'in', ids)
    .executeTakeFirst();
  return Number(numDeletedRows);
}

/** Rows of one transaction. */
const BATCH = 200;

/** In small transactions, so that nobody waits long. How many. */
export async function sweep(database: Kysely<Database>, { before, maxBytes }: Retention): Promise<number> {
  let removed = 0;
  if (before !== null)
    removed += await removeWhile(database, (batch) => batch.filter((row) => row.created_at < before));
  if (maxBytes !== null) {
    let excess = (await totalBytes(database)) - maxBytes;
    removed += await removeWhile(database, (batch) =>
      batch.filter(({ size_bytes: bytes }) => {
        const isExcess = excess > 0;
        if (isExcess) excess -= bytes;
        return isExcess;
      }),
    );
  }
  return removed;
}

interface Oldest {
  readonly kind: HistoryKind;
  readonly id: string;
  readonly created_at: number;
  /** With those of its lanes. */
  readonly size_bytes: number;
}

/** Oldest first, as long as all of a batch go. */
async function removeWhile(
  database: Kysely<Database>,
  choose: (batch: readonly Oldest[]) => readonly Oldest[],
): Promise<number> {
  let removed = 0;
  for (;;) {
    const batch = await oldest(database);
    const chosen = choose(batch);
    await database.transaction().execute(async (transaction) => {
      for (const [kind, rows] of groupBy(chosen, (row) => row.kind))
        removed += await removeFrom(
          transaction,
          kind,
          rows.map(({ id }) => id),
        );
    });
    if (chosen.length === 0 || chosen.length < batch.length) return removed;
  }
}

async function oldest(database: Kysely<Database>): Promise<Oldest[]> {
  const rows = await Promise.all([
    rowsOf(database, 'generation').where('comparison_id', 'is', null).execute(),
    comparisonRows(database).execute(),
    rowsOf(database, 'evaluation').execute(),
  ]);
  return rows
    .flat()
    .map((row) => ({ ...row, size_bytes: Number(row.size_bytes) }))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .slice(0, BATCH);
}

const rowsOf = <Kind extends 'generation' | 'evaluation'>(database: Kysely<Database>, kind: Kind) =>
  database
    .selectFrom(TABLES[kind] as 'generations')
    .select(['id', 'created_at', 'size_bytes', sql.lit<HistoryKind>(kind).as('kind')])
    .orderBy('id')
    .limit(BATCH);

const comparisonRows = (database: Kysely<Database>) =>
  database
    .selectFrom('comparisons')
    .select((eb) => [
      'id',
      'created_at',
      sql<number>`size_bytes + coalesce(${eb
        .selectFrom('generations')
        .select((lanes) => lanes.fn.sum('generations.size_bytes').as('bytes'))
        .whereRef('generations.comparison_id', '=', 'comparisons.id')}, 0)`.as('size_bytes'),
      sql.lit<HistoryKind>('comparison').as('kind'),
    ])
    .orderBy('id')
    .limit(BATCH);

async function totalBytes(database: Kysely<Database>): Promise<number> {
  const sums = await Promise.all(
    Object.values(TABLES).map((table) =>
      database
        .selectFrom(table)
        .select(sql<number>`coalesce(sum(size_bytes), 0)`.as('bytes'))
        .executeTakeFirstOrThrow(),
    ),
  );
  return sums.reduce((sum, { bytes }) => sum + Number(bytes), 0);
}

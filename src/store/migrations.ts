import { Migrator, type CreateTableBuilder, type Kysely, type Migration } from 'kysely';
import { messageOf } from '../errors.ts';
import type { Database } from './schema.ts';

/** Once released, a migration never changes; what is new is another one. */
const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-history': {
    async up(database) {
      await createGenerations(database);
      await createComparisons(database);
      await kept(database.schema.createTable('evaluations'))
        .addColumn('model_id', 'text', (column) => column.notNull())
        .execute();
      await database.schema
        .createTable('variants')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('facts', 'text', (column) => column.notNull())
        .execute();
    },
  },
  // What one caller asked for, newest first.
  '0002-callers': {
    async up(database) {
      for (const table of ['generations', 'comparisons', 'evaluations'])
        await database.schema.createIndex(`${table}_caller`).on(table).columns(['caller_id', 'id']).execute();
    },
  },
};

async function createGenerations(database: Kysely<unknown>): Promise<void> {
  await kept(database.schema.createTable('generations'))
    .addColumn('comparison_id', 'varchar(36)')
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('model_id', 'text', (column) => column.notNull())
    .addColumn('variant_id', 'text')
    .addColumn('quantization', 'text')
    .addColumn('backend_id', 'text')
    .addColumn('device_id', 'text')
    .addColumn('language', 'text')
    .addColumn('has_drifted', 'integer', (column) => column.notNull())
    .addColumn('search_text', 'text', (column) => column.notNull())
    .execute();
  await database.schema
    .createIndex('generations_comparison')
    .on('generations')
    .column('comparison_id')
    .execute();
  await database.schema
    .createIndex('generations_model')
    .on('generations')
    .columns(['model_id', 'id'])
    .execute();
}

async function createComparisons(database: Kysely<unknown>): Promise<void> {
  await kept(database.schema.createTable('comparisons'))
    .addColumn('is_revealed', 'integer', (column) => column.notNull())
    .addColumn('search_text', 'text', (column) => column.notNull())
    .execute();
  await database.schema
    .createTable('comparison_models')
    .addColumn('comparison_id', 'varchar(36)', (column) => column.notNull())
    .addColumn('model_id', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('comparison_models_key', ['model_id', 'comparison_id'])
    .execute();
  await database.schema
    .createTable('votes')
    .addColumn('comparison_id', 'varchar(36)', (column) => column.notNull())
    .addColumn('lane', 'integer', (column) => column.notNull())
    .addColumn('caller_id', 'text', (column) => column.notNull())
    .addColumn('value', 'text', (column) => column.notNull())
    .addColumn('comment', 'text')
    .addColumn('is_blind', 'integer', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('votes_key', ['comparison_id', 'lane', 'caller_id'])
    .execute();
}

/** What every table of kept things begins with. */
const kept = <Table extends string>(table: CreateTableBuilder<Table>) =>
  table
    .addColumn('id', 'varchar(36)', (column) => column.primaryKey())
    .addColumn('caller_id', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('size_bytes', 'bigint', (column) => column.notNull())
    .addColumn('record', 'text', (column) => column.notNull());

/** Brings the schema up to date; several gateways may at once. @throws where it cannot be, or a newer mixgate was here */
export async function migrate(database: Kysely<Database>): Promise<void> {
  const migrator = new Migrator({ db: database, provider: { getMigrations: async () => MIGRATIONS } });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) return;
  if (messageOf(error).includes('corrupted migrations'))
    throw new Error('The history was written by a newer mixgate: use that, or another database.', {
      cause: error,
    });
  throw new Error(`The history's tables cannot be brought up to date: ${messageOf(error)}`, { cause: error });
}

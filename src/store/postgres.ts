import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { HistoryStore } from '../generation/history/history-store.ts';
import { migrate } from './migrations.ts';
import type { Database } from './schema.ts';
import { SqlHistoryStore } from './sql-history-store.ts';

const CONNECTIONS = 4;
const CONNECT_MS = 5000;
const QUERY_MS = 30_000;

/** int8 as a number: all of ours are below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    oid === pg.types.builtins.INT8
      ? Number
      : (pg.types.getTypeParser(oid, format) as (value: string) => unknown),
};

/** `postgres://user:password@host:port/database`. A lost connection is opened again with the next query. @throws what connecting throws */
export async function openPostgres(url: string): Promise<HistoryStore> {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'mixgate',
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: QUERY_MS,
    statement_timeout: QUERY_MS,
    types,
  });
  // Of a connection that nobody uses: the next query opens another.
  pool.on('error', () => undefined);
  const database = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  try {
    await migrate(database);
  } catch (error) {
    await database.destroy();
    throw error;
  }
  return new SqlHistoryStore({ database });
}

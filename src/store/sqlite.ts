import { chmodSync } from 'node:fs';
import { Kysely, SqliteDialect } from 'kysely';
import Libsql from 'libsql';
import type { HistoryStore } from '../generation/history/history-store.ts';
import { migrate } from './migrations.ts';
import type { Database } from './schema.ts';
import { SqlHistoryStore } from './sql-history-store.ts';

/** How long it waits for another process that writes, milliseconds. */
const BUSY_MS = 5000;

/** A file, made where there is none. Every query blocks the thread. @throws what SQLite says */
export async function openSqlite(file: string): Promise<HistoryStore> {
  const connection = new Libsql(file, {});
  try {
    chmodSync(file, 0o600);
    connection.pragma(`busy_timeout = ${BUSY_MS}`, {});
    // Before the first table, or it says nothing.
    connection.pragma('auto_vacuum = INCREMENTAL', {});
    connection.pragma('journal_mode = WAL', {});
    connection.pragma('synchronous = NORMAL', {});
    const database = new Kysely<Database>({
      dialect: new SqliteDialect({ database: connection }),
    });
    await migrate(database);
    return new SqlHistoryStore({
      database,
      compact: async () => {
        connection.pragma('incremental_vacuum', {});
        connection.pragma('wal_checkpoint(TRUNCATE)', {});
      },
    });
  } catch (error) {
    connection.close();
    throw error;
  }
}

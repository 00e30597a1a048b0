import { chmodSync, statSync } from 'node:fs';
import {
  CompiledQuery,
  Kysely,
  SqliteAdapter,
  SqliteDialect,
  SqliteDriver,
  type DatabaseConnection,
  type SqliteDialectConfig,
} from 'kysely';
import Libsql from 'libsql';
import type { HistoryStore } from '../generation/history/history-store.ts';
import { migrate } from './migrations.ts';
import type { Database } from './schema.ts';
import { SqlHistoryStore } from './sql-history-store.ts';

/** SQLite undoes a transaction by itself when its disk is full: then there is nothing to roll back, and no error to hide the true one. */
export class LibsqlDialect extends SqliteDialect {
  readonly #connection: Libsql.Database;

  constructor(database: Libsql.Database) {
    super({ database });
    this.#connection = database;
  }

  override createAdapter(): SqliteAdapter {
    return new LibsqlAdapter();
  }

  override createDriver(): SqliteDriver {
    return new LibsqlDriver({ database: this.#connection }, () => this.#connection.inTransaction);
  }
}

/** A migration is there as a whole or not at all, also where two gateways come at once or one is killed meanwhile. */
class LibsqlAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class LibsqlDriver extends SqliteDriver {
  readonly #isInTransaction: () => boolean;

  constructor(config: SqliteDialectConfig, isInTransaction: () => boolean) {
    super(config);
    this.#isInTransaction = isInTransaction;
  }

  /** Every transaction writes: it waits for another's right away, not when it has read what the other changes. */
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }

  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#isInTransaction()) await super.rollbackTransaction(connection);
  }
}

/** How long it waits for another process that writes, milliseconds. */
const BUSY_MS = 5000;

/** A file, made where there is none. Every query blocks the thread. @throws what SQLite says */
export async function openSqlite(file: string): Promise<HistoryStore> {
  const connection = new Libsql(file, {});
  try {
    chmodSync(file, 0o600);
    connection.pragma(`busy_timeout = ${BUSY_MS}`, {});
    // Before the first table, or it says nothing; and it writes to a file that may be a newer mixgate's.
    if (statSync(file).size === 0) connection.pragma('auto_vacuum = INCREMENTAL', {});
    connection.pragma('journal_mode = WAL', {});
    connection.pragma('synchronous = NORMAL', {});
    const database = new Kysely<Database>({
      dialect: new LibsqlDialect(connection),
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

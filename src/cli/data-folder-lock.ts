import { chmodSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import Libsql from 'libsql';
import { messageOf, MixgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import { forgetGateway, gatewayOn } from './running-gateway.ts';

/**
 * Takes a data folder for this gateway, until what it returns is called or the process ends, however it does: the lock
 * is the system's own, on an empty SQLite file that is never written. Commands beside a gateway do not ask for it.
 * A folder that cannot be written or locked is used without; the log says so.
 * @throws INVALID_INPUT where another gateway has it; nothing else in the folder was touched then
 */
export function lockDataFolder(dataDir: string, log: Log): () => void {
  let database: Libsql.Database | null = null;
  try {
    mkdirSync(dataDir, { recursive: true });
    const file = path.join(dataDir, 'gateway.lock');
    database = new Libsql(file, {});
    chmodSync(file, 0o600);
    database.pragma('busy_timeout = 0', {});
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database?.close();
    if ((error as { code?: unknown }).code === 'SQLITE_BUSY') throw inUse(dataDir);
    log.warn('dataFolder.unlocked', { folder: dataDir, reason: messageOf(error) });
    return () => undefined;
  }
  // Of one that was killed.
  forgetGateway(dataDir);
  const held = database;
  return () => held.close();
}

function inUse(dataDir: string): MixgateError {
  const gateway = gatewayOn(dataDir);
  const who =
    gateway === null
      ? 'has just been started or is about to end, and listens nowhere'
      : `is process ${gateway.pid}${gateway.host === undefined ? '' : ` of ${gateway.host}`} and listens at ${gateway.url}`;
  return new MixgateError(
    'INVALID_INPUT',
    `Another gateway uses the data folder ${dataDir}: it ${who}. Stop it first, or give this one a folder of its own with --data-dir.`,
    { dataDir, ...gateway },
  );
}

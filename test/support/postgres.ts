import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe } from 'vitest';
import { freePort } from './free-port.ts';

/** A PostgreSQL of its own: a cluster in a temporary folder, on a free loopback port. */
export interface TestPostgres {
  /** Of an empty database that nobody else has. */
  newDatabase(): Promise<string>;
  /** As a power cut: nothing is said to anybody. */
  kill(): Promise<void>;
  /** Once more, after `kill`. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Where Debian's package has the programs; null where it is not installed. */
export function postgresPrograms(): string | null {
  const versions = '/usr/lib/postgresql';
  const found = existsSync(versions)
    ? readdirSync(versions).map((version) => path.join(versions, version, 'bin'))
    : [];
  return found.find((folder) => existsSync(path.join(folder, 'initdb'))) ?? null;
}

/** Tests against one, skipped where it is not installed: `.ci/run` installs it. `of` gives the one that they share. */
export function describeWithPostgres(tests: (of: () => TestPostgres) => void): void {
  const programs = postgresPrograms();
  describe.skipIf(programs === null)('PostgreSQL (apt-get install postgresql)', () => {
    let postgres: TestPostgres;
    beforeAll(async () => {
      postgres = await startPostgres(programs!);
    });
    afterAll(() => postgres.stop());
    tests(() => postgres);
  });
}

/** PostgreSQL does not run as root. */
function owner(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = (flag: string) => Number(execFileSync('id', [flag, 'postgres']).toString());
  return { uid: idOf('-u'), gid: idOf('-g') };
}

export async function startPostgres(programs: string): Promise<TestPostgres> {
  const ids = owner();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'mixgate-postgres-'));
  if (ids !== undefined) chownSync(folder, ids.uid, ids.gid);
  const data = path.join(folder, 'data');
  const options = { ...ids, cwd: folder, stdio: 'ignore' } as const;
  const initdb = [
    '-D',
    data,
    '-U',
    'mixgate',
    '--auth=trust',
    '--no-sync',
    '--encoding=UTF8',
    '--locale=C.UTF-8',
  ];
  execFileSync(path.join(programs, 'initdb'), initdb, options);
  const port = await freePort();
  const address = `postgres://mixgate@127.0.0.1:${port}`;
  let server: ChildProcess | null = null;
  let databases = 0;

  const start = async (): Promise<void> => {
    const settings = [
      'listen_addresses=127.0.0.1',
      'unix_socket_directories=',
      'fsync=off',
      'shared_buffers=16MB',
    ];
    const args = ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])];
    server = spawn(path.join(programs, 'postgres'), args, {
      ...ids,
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let output = '';
    await new Promise<void>((resolve, reject) => {
      server!.stderr!.on('data', (text: Buffer) => {
        output += text.toString();
        if (output.includes('ready to accept connections')) resolve();
      });
      server!.once('exit', () => reject(new Error(`PostgreSQL ended: ${output}`)));
    });
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (server === null || server.exitCode !== null) return;
    const exit = once(server, 'exit');
    server.kill(signal);
    await exit;
  };
  await start();
  return {
    async newDatabase() {
      const name = `test${++databases}`;
      const client = new pg.Client({ connectionString: `${address}/postgres` });
      await client.connect();
      await client.query(`create database ${name}`);
      await client.end();
      return `${address}/${name}`;
    },
    // SIGQUIT is its immediate shutdown: children go at once, too, and recovery is left to the next start.
    kill: () => end('SIGQUIT'),
    start,
    async stop() {
      await end('SIGINT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

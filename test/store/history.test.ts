import { afterEach, describe, expect, it, vi } from 'vitest';
import { v7 as newId } from 'uuid';
import Libsql from 'libsql';
import { Kysely } from 'kysely';
import { SEES_ALL } from '../../src/access/ownership.ts';
import { Archive } from '../../src/generation/history/archive.ts';
import type { History, HistoryOptions } from '../../src/generation/history/history.ts';
import type { HistoryStore } from '../../src/generation/history/history-store.ts';
import type { LogEvents } from '../../src/log.ts';
import { migrate } from '../../src/store/migrations.ts';
import type { Database } from '../../src/store/schema.ts';
import { LibsqlDialect } from '../../src/store/sqlite.ts';
import { SqlHistoryStore } from '../../src/store/sql-history-store.ts';
import { ANY_GENERATION, historyOf, NO_VARIANTS } from '../support/archive.ts';
import { endedGeneration } from '../support/ended.ts';
import { recordingLog } from '../support/recording-log.ts';

/** A real SQLite in memory, whose disk can be filled. */
async function smallDatabase() {
  const connection = new Libsql(':memory:', {});
  const database = new Kysely<Database>({ dialect: new LibsqlDialect(connection) });
  await migrate(database);
  const pages = () => (connection.pragma('page_count', {}) as { page_count: number }[])[0]!.page_count;
  const store = new SqlHistoryStore({ database });
  return {
    store,
    fill: () => connection.pragma(`max_page_count = ${pages()}`, {}),
    widen: () => connection.pragma('max_page_count = 1000000', {}),
  };
}

const open: History[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((history) => history.close()));
});

function archiveOn(options: Partial<HistoryOptions>) {
  const { log, events } = recordingLog();
  const entries = (name: keyof LogEvents) =>
    events.filter(({ event }) => event === name).map(({ fields }) => fields);
  const history = historyOf({ log, ...options });
  open.push(history);
  return { archive: new Archive(history, NO_VARIANTS), history, entries };
}

const long = () => endedGeneration({ chunks: ['x'.repeat(20_000)] });
const ALL = { filter: ANY_GENERATION, first: 100, after: null };

describe('a full disk', () => {
  it('is reported once, holds what cannot be written, and gets it when there is room', async () => {
    const { store, fill, widen } = await smallDatabase();
    const { archive, history, entries } = archiveOn({ open: async () => store });
    const generations = Array.from({ length: 5 }, long);
    archive.saveGeneration(generations[0]!);
    await vi.waitFor(() => expect(history.status().pending).toBe(0));
    fill();
    for (const generation of generations.slice(1)) archive.saveGeneration(generation);
    await vi.waitFor(() => expect(history.status().problem).toMatch(/full/));
    expect(history.status()).toMatchObject({ pending: 4, lost: 0 });
    expect(await archive.generation(generations[4]!.id, SEES_ALL)).toBe(generations[4]);
    await vi.waitFor(() => expect(entries('history.unavailable').length).toBe(1));
    widen();
    await vi.waitFor(() =>
      expect(history.status()).toEqual({ isOn: true, problem: null, pending: 0, lost: 0 }),
    );
    expect((await archive.generations(ALL, [])).page).toHaveLength(5);
  });
});

describe('a database that cannot be opened', () => {
  it('is tried again; what waits is bounded, and the oldest are lost and counted', async () => {
    const { store } = await smallDatabase();
    let isThere = false;
    const opening = async (): Promise<HistoryStore> => {
      if (!isThere) throw new Error('It is away.');
      return store;
    };
    const { archive, history, entries } = archiveOn({ open: opening, pending: { count: 3, bytes: 2 ** 30 } });
    const generations = Array.from({ length: 5 }, () => endedGeneration());
    generations.forEach((generation) => archive.saveGeneration(generation));
    await vi.waitFor(() =>
      expect(history.status()).toMatchObject({ pending: 3, lost: 2, problem: 'It is away.' }),
    );
    expect(entries('history.overflow')).toHaveLength(1);
    await expect(archive.generation(newId(), SEES_ALL)).rejects.toMatchObject({
      code: 'HISTORY_UNAVAILABLE',
      retryable: true,
    });
    isThere = true;
    await vi.waitFor(() => expect(history.status().pending).toBe(0));
    const { page } = await archive.generations(ALL, []);
    expect(page.map(({ id }) => id)).toEqual(
      generations
        .slice(2)
        .map(({ id }) => id)
        .toReversed(),
    );
  });

  it('is bounded in bytes too, and keeps the newest whatever its size', async () => {
    const { archive, history } = archiveOn({
      open: () => Promise.reject(new Error('It is away.')),
      pending: { count: 100, bytes: 10_000 },
    });
    for (let index = 0; index < 3; index++) archive.saveGeneration(long());
    expect(history.status()).toMatchObject({ pending: 1, lost: 2 });
  });
});

describe('an entry that the database refuses', () => {
  it('is given up when others are taken, and said', async () => {
    const { store } = await smallDatabase();
    const { archive, history, entries } = archiveOn({ open: async () => store });
    const [good, bad, last] = [endedGeneration(), endedGeneration(), endedGeneration()];
    archive.saveGeneration(good);
    history.save('generation', bad.id, {
      subject: bad,
      sizeBytes: 1,
      change: () => {
        throw new Error('It is broken.');
      },
    });
    archive.saveGeneration(last);
    await vi.waitFor(() => expect(history.status()).toMatchObject({ pending: 0, lost: 1 }));
    expect(entries('history.refused')).toEqual([{ entry: `generation:${bad.id}`, reason: 'It is broken.' }]);
    expect((await archive.generations(ALL, [])).page.map(({ id }) => id)).toEqual([last.id, good.id]);
  });
});

describe('closing', () => {
  it('says what was never written', async () => {
    const { archive, history, entries } = archiveOn({ open: () => Promise.reject(new Error('It is away.')) });
    archive.saveGeneration(endedGeneration());
    await history.close();
    expect(entries('history.lost')).toEqual([{ changes: 1 }]);
  });
});

describe('retention', () => {
  it('goes by itself, by age and by size', async () => {
    const { store } = await smallDatabase();
    const { archive, history, entries } = archiveOn({
      open: async () => store,
      keep: { ms: 1000, bytes: 30_000 },
      sweepMs: 20,
      now: () => 10_000,
    });
    const made = [
      endedGeneration({ createdAt: 8000 }),
      endedGeneration({ createdAt: 9500, chunks: ['x'.repeat(9000)] }),
      endedGeneration({ createdAt: 9600, chunks: ['x'.repeat(9000)] }),
    ];
    made.forEach((generation) => archive.saveGeneration(generation));
    await vi.waitFor(() => expect(history.status().pending).toBe(0));
    history.start();
    await vi.waitFor(async () =>
      expect((await archive.generations(ALL, [])).page.map(({ id }) => id)).toEqual([made[2]!.id]),
    );
    expect(entries('history.swept').length).toBeGreaterThan(0);
  });
});

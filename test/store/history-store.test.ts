import { rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { v7 as newId } from 'uuid';
import { afterAll, beforeEach, afterEach, describe, expect, it } from 'vitest';
import { SEES_ALL, type Viewer } from '../../src/access/ownership.ts';
import { Archive } from '../../src/generation/history/archive.ts';
import { comparisonColumns, matchesComparison } from '../../src/generation/history/comparison-columns.ts';
import { generationColumns, matchesGeneration } from '../../src/generation/history/generation-columns.ts';
import type { HistoryStore } from '../../src/generation/history/history-store.ts';
import type { Evaluation } from '../../src/generation/quality/evaluation.ts';
import { openPostgres } from '../../src/store/postgres.ts';
import { openSqliteThread } from '../../src/store/sqlite-thread.ts';
import type { Comparison } from '../../src/generation/comparison/comparison.ts';
import type { Generation } from '../../src/generation/generation.ts';
import type { ReadableLog } from '../../src/generation/readable-log.ts';
import {
  ANY_COMPARISON,
  ANY_EVALUATION,
  ANY_GENERATION,
  historyOf,
  NO_VARIANTS,
  SQLITE_ENTRY,
} from '../support/archive.ts';
import { endedComparison, endedGeneration, type EndedOptions } from '../support/ended.ts';
import { describeWithPostgres } from '../support/postgres.ts';

/** What keeps history, whichever database that is. */
function describeHistoryStore(
  name: string,
  newPlace: () => Promise<{ open: () => Promise<HistoryStore> }>,
): void {
  describe(name, () => {
    let open: () => Promise<HistoryStore>;
    let archive: Archive;
    beforeEach(async () => {
      ({ open } = await newPlace());
      archive = new Archive(historyOf({ open }), NO_VARIANTS);
    });
    afterEach(() => archive.history.close());

    /** Everything as somebody finds it who comes later. */
    async function later(): Promise<Archive> {
      await archive.history.close();
      archive = new Archive(historyOf({ open }), NO_VARIANTS);
      return archive;
    }

    async function events<Event extends { readonly sequence: number }>(log: ReadableLog<Event>, after = 0) {
      const all: Event[] = [];
      for await (const event of log.read(after, new AbortController().signal)) all.push(event);
      return all;
    }

    it.each([
      ['completed', {}],
      ['failed', { end: 'FAILED' }],
      ['cancelled before its first token', { end: 'CANCELLED', chunks: [] }],
      [
        'with everything that text can hold',
        { chunks: ['🦄', '\0\\u0000', '\ud83d', '\udc4d', "'; drop table"] },
      ],
      ['long', { chunks: Array.from({ length: 5000 }, (_, index) => ` word${index}`) }],
    ] satisfies [string, EndedOptions][])(
      'a generation, %s, comes back as it was',
      async (_case, options) => {
        const generation = endedGeneration(options);
        archive.saveGeneration(generation);
        const found = (await (await later()).generation(generation.id, SEES_ALL))!;
        expect(found.keep()).toEqual(generation.keep());
        expect({ ...found.usage, text: found.text, state: found.state }).toEqual({
          ...generation.usage,
          text: generation.text,
          state: generation.state,
        });
        for (const after of [0, 1, 3]) {
          if (after > generation.lastSequence) continue;
          expect(await events(found.log, after)).toEqual(await events(generation.log, after));
        }
      },
    );

    it.each([false, true])(
      'a comparison comes back as it was, its events by their numbers; blind: %s',
      async (isBlind) => {
        const comparison = endedComparison({ isBlind });
        archive.saveComparison(comparison);
        const found = (await (await later()).comparison(comparison.id, SEES_ALL))!;
        expect(found.keep()).toEqual(comparison.keep());
        expect(found.divergence(1)).toEqual(comparison.divergence(1));
        expect(found.isRevealed).toBe(!isBlind);
        for (let after = 0; after < comparison.log.lastSequence; after++)
          expect(await events(found.log, after)).toEqual(await events(comparison.log, after));
      },
    );

    it('a vote after a restart is kept, replaced and counted, and reveals what was blind', async () => {
      const comparison = endedComparison({ isBlind: true });
      archive.saveComparison(comparison);
      await later();
      const lane = { lane: 1, callerId: 'a', createdAt: new Date(1000), comment: 'Nul\0 and "more"' };
      const vote = async (value: 'BETTER' | 'WORSE', callerId = 'a') => {
        const found = (await archive.comparison(comparison.id, SEES_ALL))!;
        found.vote({ ...lane, callerId, value });
        archive.saveComparison(found);
        await later();
      };
      expect(await archive.judgements([])).toEqual([]);
      await vote('WORSE');
      await vote('BETTER');
      await vote('BETTER', 'b');
      const found = (await archive.comparison(comparison.id, SEES_ALL))!;
      expect(found.isRevealed).toBe(true);
      expect(found.votes.map(({ callerId, value, isBlind }) => [callerId, value, isBlind])).toEqual([
        ['a', 'BETTER', false],
        ['b', 'BETTER', false],
      ]);
      const [judged] = await archive.judgements([]);
      expect(judged).toMatchObject({ variantIds: ['model:Q2_K', 'model:Q4_K_M'] });
      expect(judged!.votes).toHaveLength(2);
    });

    it('pages are complete, in order, each thing once, whatever is still in memory', async () => {
      const all: Generation[] = [];
      for (let index = 0; index < 25; index++) all.push(endedGeneration({ prompt: `Number ${index}` }));
      all.slice(0, 20).forEach((generation) => archive.saveGeneration(generation));
      await later();
      const live = all.slice(15);
      const seen: string[] = [];
      for (let after: string | null = null, more = true; more; after = seen.at(-1)!) {
        const page = await archive.generations({ filter: ANY_GENERATION, first: 7, after }, live);
        seen.push(...page.page.map(({ id }) => id));
        more = page.hasNextPage;
      }
      expect(seen).toEqual(all.map(({ id }) => id).toReversed());
    });

    it('finds by every filter what memory finds', async () => {
      const made = fc.record<EndedOptions>({
        model: fc.constantFrom('m1', 'm2'),
        quantization: fc.constantFrom('Q2_K', 'F16'),
        device: fc.constantFrom('cpu', 'gpu0'),
        prompt: fc.constantFrom('100 % sure_thing', 'C:\\path', 'ÄÖÜ Straße', '日本語で答えて', "it's"),
        chunks: fc.constantFrom(['Yes, it is one.'], ['はい、そうです。これは日本語の答えです。'], []),
        end: fc.constantFrom('COMPLETED', 'FAILED', 'CANCELLED'),
        createdAt: fc.integer({ min: 1, max: 5 }),
        callerId: fc.constantFrom('a', 'b'),
      });
      const maybe = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { freq: 3, nil: null });
      const filters = fc.record({
        callerId: maybe(fc.constantFrom('a', 'b', 'c')),
        modelId: maybe(fc.constantFrom('m1', 'm2', 'm3')),
        quantization: maybe(fc.constantFrom('Q2_K', 'F16')),
        backendId: maybe(fc.constantFrom('fake', 'other')),
        deviceId: maybe(fc.constantFrom('cpu', 'gpu0')),
        states: maybe(fc.subarray(['COMPLETED', 'FAILED', 'CANCELLED', 'QUEUED'] as const)),
        language: maybe(fc.constantFrom('en', 'ja')),
        hasDrifted: maybe(fc.boolean()),
        comparisonId: fc.constant(null),
        isLane: maybe(fc.boolean()),
        search: maybe(
          fc.constantFrom('%', '_', '\\', 'STRASSE', 'äö', '日本', "'", 'YES', '100 %', 'sureXthing'),
        ),
        createdFrom: maybe(fc.integer({ min: 1, max: 5 })),
        createdBefore: maybe(fc.integer({ min: 1, max: 6 })),
      });
      const [generations] = fc.sample(fc.array(made, { minLength: 40, maxLength: 40 }), {
        numRuns: 1,
        seed: 5,
      });
      const alone = generations!.map((options) => endedGeneration(options));
      const comparisons = [false, true].map((isBlind) =>
        endedComparison({
          isBlind,
          createdAt: 3,
          callerId: isBlind ? 'a' : 'b',
          lanes: [{ model: 'm1' }, { model: 'm2', quantization: 'F16' }],
        }),
      );
      alone.forEach((generation) => archive.saveGeneration(generation));
      comparisons.forEach((comparison) => archive.saveComparison(comparison));
      const lanes = comparisons.flatMap((comparison) => comparison.lanes.map(({ generation }) => generation));
      const everything = [...alone, ...lanes];
      await later();
      await fc.assert(
        fc.asyncProperty(filters, async (filter) => {
          const stored = await archive.generations({ filter, first: 200, after: null }, []);
          const expected = everything.filter((generation) =>
            matchesGeneration(generationColumns(generation), filter, generation.isConcealed),
          );
          expect(ids(stored.page)).toEqual(ids(expected).toSorted().toReversed());
        }),
        { numRuns: 150 },
      );
      const byModel = { ...ANY_COMPARISON, modelId: 'm2' };
      const found = await archive.comparisons({ filter: byModel, first: 10, after: null }, []);
      expect(found.page).toHaveLength(2);
      expect(comparisons.every((each) => matchesComparison(comparisonColumns(each), byModel))).toBe(true);
      const voted = await archive.comparisons(
        { filter: { ...ANY_COMPARISON, hasVotes: true }, first: 10, after: null },
        [],
      );
      expect(voted.page).toEqual([]);
    });

    it('removes a comparison with its lanes and votes, and nothing else', async () => {
      const [gone, stays] = [endedComparison(), endedComparison()];
      for (const comparison of [gone, stays] as Comparison[]) {
        comparison.vote({ lane: 1, value: 'TIE', comment: null, callerId: 'a', createdAt: new Date() });
        archive.saveComparison(comparison);
      }
      await later();
      expect(await archive.remove('comparison', gone.id, SEES_ALL)).toBe(true);
      expect(await archive.remove('comparison', gone.id, SEES_ALL)).toBe(false);
      expect(await archive.comparison(gone.id, SEES_ALL)).toBeNull();
      expect(await archive.generation(gone.lanes[0]!.generation.id, SEES_ALL)).toBeNull();
      expect((await archive.judgements([])).map(({ comparisonId }) => comparisonId)).toEqual([stays.id]);
      expect(await archive.generation(stays.lanes[0]!.generation.id, SEES_ALL)).not.toBeNull();
    });

    it('sweeps what is too old, and of what is too much the oldest', async () => {
      const generations = [1000, 2000, 3000].map((createdAt) => endedGeneration({ createdAt }));
      const comparison = endedComparison({ createdAt: 1500 });
      archive.saveComparison(comparison);
      generations.forEach((generation) => archive.saveGeneration(generation));
      await later();
      const usage = () => archive.history.ask((store) => store.usage(), null);
      const sweep = (before: number | null, maxBytes: number | null) =>
        archive.history.ask((store) => store.sweep({ before, maxBytes }), 0);
      expect(await usage()).toMatchObject({ generations: 5, comparisons: 1 });
      expect(await archive.history.ask((store) => store.schemaVersion(), null)).toMatch(/^\d{4}-\w+/);
      expect(await sweep(1501, null)).toBe(2);
      const left = (await usage())!;
      expect(left).toMatchObject({ generations: 2, comparisons: 0 });
      expect(await sweep(null, left.bytes)).toBe(0);
      expect(await sweep(null, left.bytes - 1)).toBe(1);
      expect(await archive.generation(generations[1]!.id, SEES_ALL)).toBeNull();
      expect(await archive.generation(generations[2]!.id, SEES_ALL)).not.toBeNull();
      expect(await sweep(null, 0)).toBe(1);
      expect((await usage())!.bytes).toBe(0);
    });

    it('sweeps more than a batch', async () => {
      for (let index = 0; index < 450; index++) archive.saveGeneration(endedGeneration({ createdAt: index }));
      await later();
      expect(await archive.history.ask((store) => store.sweep({ before: 449, maxBytes: null }), 0)).toBe(449);
      expect(
        (await archive.generations({ filter: ANY_GENERATION, first: 9, after: null }, [])).page,
      ).toHaveLength(1);
    });

    it('keeps evaluations', async () => {
      const evaluation = evaluationOf('a');
      archive.saveEvaluation(evaluation);
      await later();
      expect(await archive.evaluation(evaluation.id, SEES_ALL)).toEqual(evaluation);
      const list = (modelId: string) =>
        archive.evaluations({ filter: { ...ANY_EVALUATION, modelId }, first: 5, after: null });
      expect((await list('model')).page).toEqual([evaluation]);
      expect((await list('other')).page).toEqual([]);
      expect(await archive.remove('evaluation', evaluation.id, SEES_ALL)).toBe(true);
      expect(await archive.evaluation(evaluation.id, SEES_ALL)).toBeNull();
    });

    it("tells nobody another's, whether it is stored yet or not", async () => {
      const [mine, theirs] = [{ sees: 'a' }, { sees: 'b' }];
      const generation = endedGeneration({ callerId: 'a' });
      const comparison = endedComparison({ callerId: 'a' });
      const evaluation = evaluationOf('a');
      const lane = comparison.lanes[0]!.generation.id;
      archive.saveGeneration(generation);
      archive.saveComparison(comparison);
      archive.saveEvaluation(evaluation);
      for (const isStored of [false, true]) {
        if (isStored) await later();
        const found = async (viewer: Viewer) => [
          (await archive.generation(generation.id, viewer))?.id,
          (await archive.generation(lane, viewer))?.id,
          (await archive.comparison(comparison.id, viewer))?.id,
          (await archive.evaluation(evaluation.id, viewer))?.id,
        ];
        // First, while nothing is stored: nobody waits for the database to be opened.
        expect(await found(mine)).toEqual([generation.id, lane, comparison.id, evaluation.id]);
        expect(await found(theirs)).toEqual([undefined, undefined, undefined, undefined]);
        const listed = async (callerId: string) => {
          const page = <Filter>(filter: Filter) => ({
            filter: { ...filter, callerId },
            first: 9,
            after: null,
          });
          return Promise.all([
            archive.generations(page(ANY_GENERATION), []).then((list) => list.page.length),
            archive.comparisons(page(ANY_COMPARISON), []).then((list) => list.page.length),
            archive.evaluations(page(ANY_EVALUATION)).then((list) => list.page.length),
          ]);
        };
        expect(await listed('b')).toEqual([0, 0, 0]);
        if (isStored) expect(await listed('a')).toEqual([3, 1, 1]);
        expect(await archive.remove('evaluation', evaluation.id, theirs)).toBe(false);
      }
      expect(await archive.remove('evaluation', evaluation.id, mine)).toBe(true);
    });

    it('is brought up to date by several at once', async () => {
      const stores = await Promise.all([open(), open(), open()]);
      await stores[0].save([]);
      expect(await stores[2].generation(newId(), null)).toBeNull();
      await Promise.all(stores.map((store) => store.close()));
    });
  });
}

const evaluationOf = (callerId: string): Evaluation => ({
  ...{ id: newId(), callerId, createdAt: new Date(5), finishedAt: new Date(6), state: 'FAILED' },
  error: { code: 'DISK_FULL', message: 'No room.', retryable: true },
  ...{ model: 'model', reference: 'F16', contextSize: 512 },
  text: { sha256: 'abc', characters: 3, excerpt: 'abc' },
  results: [
    {
      quantization: 'Q2_K',
      result: { tokens: 5, perplexity: 2.5, klDivergence: 0.1, sameTopToken: null },
    },
  ],
});

const ids = (items: readonly { readonly id: string }[]) => items.map(({ id }) => id);

const folder = path.join(os.tmpdir(), `mixgate-store-${process.pid}`);
let files = 0;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describeHistoryStore('SQLite', async () => {
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, `${++files}.db`);
  return { open: () => openSqliteThread(file, SQLITE_ENTRY) };
});

describeWithPostgres((of) => {
  describeHistoryStore('as installed', async () => {
    const url = await of().newDatabase();
    return { open: () => openPostgres(url) };
  });
});

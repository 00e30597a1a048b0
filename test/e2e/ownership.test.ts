import { cpSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { graphql, parse, subscribe, type ExecutionResult, type GraphQLSchema } from 'graphql';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unknownCaller, type Caller, type Role } from '../../src/access/caller.ts';
import { SEES_ALL } from '../../src/access/ownership.ts';
import type { MixgateError } from '../../src/errors.ts';
import type { HistoryStore } from '../../src/generation/history/history-store.ts';
import { createSchema } from '../../src/resolvers/schema.ts';
import type { RequestContext } from '../../src/resolvers/services.ts';
import { openPostgres } from '../../src/store/postgres.ts';
import { openSqliteThread } from '../../src/store/sqlite-thread.ts';
import { SQLITE_ENTRY } from '../support/archive.ts';
import { DEMO, UNICORN } from '../support/gateway.ts';
import { describeWithPostgres } from '../support/postgres.ts';
import { servicesOn } from '../support/services.ts';
import { lastingFolder } from '../support/temporary-folder.ts';

/** What one caller started is, for every other one and whatever it may do, as if it were not there. */

const QUANTIZATION = 'Q2_K';
const PROMPT = { messages: [{ role: 'USER', content: UNICORN }] };
const INPUT = {
  model: DEMO,
  quantization: QUANTIZATION,
  prompt: PROMPT,
  maxTokens: 4,
  onDisconnect: 'CONTINUE',
};
const ENDLESS = { jsonSchema: { type: 'array', minItems: 500, items: { type: 'integer' } }, maxTokens: null };
const LANES = [0, 1].map(() => ({ model: DEMO, quantization: QUANTIZATION }));

type Kind = 'generation' | 'comparison' | 'evaluation';
/** By kind: everything that takes an id, those that change something last. */
const OPERATIONS: Readonly<Record<Kind, readonly string[]>> = {
  generation: [
    'query ($id: ID!) { generation(id: $id) { id text prompt { messages { content } } } }',
    'subscription ($id: ID!) { generationEvents(id: $id) { __typename generationId } }',
    'mutation ($id: ID!) { cancelGeneration(id: $id) { id text } }',
    'mutation ($id: ID!) { deleteGeneration(id: $id) }',
  ],
  comparison: [
    'query ($id: ID!) { comparison(id: $id) { id lanes { generation { id text } } } }',
    'query ($id: ID!) { generations(filter: { comparison: $id }) { edges { node { id } } } }',
    'subscription ($id: ID!) { comparisonEvents(id: $id) { comparisonId } }',
    'mutation ($id: ID!) { vote(comparison: $id, lane: 1, value: TIE) { id } }',
    'mutation ($id: ID!) { rerunComparison(id: $id) { isBlind } }',
    'mutation ($id: ID!) { cancelComparison(id: $id) { id } }',
    'mutation ($id: ID!) { deleteComparison(id: $id) }',
  ],
  evaluation: [
    'query ($id: ID!) { evaluation(id: $id) { id text { excerpt } } }',
    'mutation ($id: ID!) { deleteEvaluation(id: $id) }',
  ],
};
const LISTS = `{ generations { edges { node { id } } } comparisons { edges { node { id } } }
  evaluations { edges { node { id } } } }`;
const START = 'mutation ($input: GenerateInput!) { startGeneration(input: $input) { id } }';

const callerOf = (id: string, role: Role): Caller => ({ ...unknownCaller(id), role });
const owner = callerOf('key:owner', 'USER');
const STRANGERS = [callerOf('key:stranger', 'USER'), callerOf('key:admin', 'ADMIN')];

const folder = lastingFolder();
let schema: GraphQLSchema;
let modelsFolder: string;
beforeAll(async () => {
  schema = await createSchema();
  modelsFolder = path.join(folder(), 'models');
  mkdirSync(modelsFolder);
  const demo = path.resolve(import.meta.dirname, '../../models/demo');
  const file = `tiny-mixtral-8x2M.${QUANTIZATION}.gguf`;
  cpSync(path.join(demo, file), path.join(modelsFolder, file));
});

function describeOwnership(name: string, newPlace: () => Promise<() => Promise<HistoryStore>>): void {
  describe(name, () => {
    let gateway: Awaited<ReturnType<typeof servicesOn>>;
    let restart: () => Promise<void>;
    beforeAll(async () => {
      const open = await newPlace();
      const start = () => servicesOn({ open, modelsFolder, dataFolder: folder() });
      gateway = await start();
      restart = async () => {
        await gateway.dispose();
        gateway = await start();
      };
    });
    afterAll(() => gateway.dispose());

    async function ask(
      caller: Caller,
      source: string,
      variableValues: object = {},
    ): Promise<ExecutionResult> {
      const contextValue: RequestContext = { ...gateway.services, caller, requestId: 'test', trace: null };
      const variables = variableValues as Record<string, unknown>;
      if (!source.startsWith('subscription'))
        return graphql({ schema, source, variableValues: variables, contextValue });
      const document = parse(source);
      const events = await subscribe({ schema, document, variableValues: variables, contextValue });
      if (!(Symbol.asyncIterator in events)) return events;
      const { value } = (await events.next()) as IteratorResult<ExecutionResult, ExecutionResult>;
      await events.return?.();
      return value;
    }

    /** All of an answer but the id it was asked with: two that are the same tell nothing of which ids there are. */
    function shape({ data, errors }: ExecutionResult, id: string): string {
      const codes = errors?.map(({ originalError, message }) => [
        (originalError as MixgateError)?.code,
        message,
      ]);
      return JSON.stringify({ data, codes }).replaceAll(id, 'ID');
    }
    async function nothingThere(kind: Kind, id: string): Promise<void> {
      for (const stranger of STRANGERS)
        for (const operation of OPERATIONS[kind]) {
          const nobodys = newId();
          const absent = shape(await ask(stranger, operation, { id: nobodys }), nobodys);
          expect([operation, shape(await ask(stranger, operation, { id }), id)]).toEqual([operation, absent]);
        }
    }
    /** What reads, answers the owner otherwise than it answers who asks for what is not there. */
    async function allThere(kind: Kind, id: string, operations = OPERATIONS[kind]): Promise<void> {
      for (const operation of operations) {
        const nobodys = newId();
        const absent = shape(await ask(owner, operation, { id: nobodys }), nobodys);
        expect([operation, shape(await ask(owner, operation, { id }), id)]).not.toEqual([operation, absent]);
      }
    }
    const lists = async (caller: Caller) => JSON.stringify((await ask(caller, LISTS)).data);
    const start = async (caller: Caller, input: object = {}): Promise<string> =>
      (
        (await ask(caller, START, { input: { ...INPUT, ...input } })).data as {
          startGeneration: { id: string };
        }
      ).startGeneration.id;

    it('while it runs and while it waits', async () => {
      const running = await start(owner, ENDLESS);
      const waiting = await start(owner, ENDLESS);
      const queue = async (caller: Caller) => {
        const { data } = await ask(caller, '{ devices { waiting { id position generation { id text } } } }');
        return (data as { devices: { waiting: { id: string; generation: unknown }[] }[] }).devices[0]!
          .waiting;
      };
      await expect.poll(async () => (await queue(owner)).map(({ id }) => id)).toEqual([waiting]);
      await nothingThere('generation', running);
      await nothingThere('generation', waiting);
      const [another] = STRANGERS;
      const seen = await queue(another!);
      expect(seen).toMatchObject([{ position: 0, generation: null }]);
      expect(seen[0]!.id).not.toBe(waiting);
      expect(seen).toEqual(await queue(another!));
      const remove = `mutation { removeVariant(id: "${DEMO}:${QUANTIZATION}") }`;
      const inUse = async (caller: Caller) =>
        ((await ask(caller, remove)).errors![0]!.originalError as MixgateError).data['generations'];
      expect(await inUse(STRANGERS[1]!)).toEqual([]);
      expect((await inUse({ ...owner, role: 'ADMIN' })) as string[]).toContain(running);
      const states = async () =>
        Promise.all(
          [running, waiting].map(async (id) => (await gateway.services.generations.get(id, SEES_ALL)).state),
        );
      expect(await states()).not.toContain('CANCELLED');
      await allThere('generation', running, OPERATIONS.generation.slice(0, 3));
      await allThere('generation', waiting, OPERATIONS.generation.slice(2, 3));
      expect(await states()).toEqual(['CANCELLED', 'CANCELLED']);
    });

    it('once it has ended, from memory and from the history', async () => {
      const generation = await start(owner);
      const comparing = 'mutation ($input: CompareInput!) { startComparison(input: $input) { id } }';
      const input = { prompt: PROMPT, lanes: LANES, maxTokens: 4, blind: true, onDisconnect: 'CONTINUE' };
      const { startComparison } = (await ask(owner, comparing, { input })).data as {
        startComparison: { id: string };
      };
      const [comparison, lane] = [startComparison.id, await laneOf(startComparison.id)];
      const evaluation = await evaluated();
      await gateway.services.generations.drain(60_000);
      await gateway.services.comparisons.drain();
      const everything: readonly [Kind, string][] = [
        ['generation', generation],
        ['generation', lane],
        ['comparison', comparison],
        ['evaluation', evaluation],
      ];
      for (const where of ['memory', 'history']) {
        for (const [kind, id] of everything) await nothingThere(kind, id);
        for (const stranger of STRANGERS) {
          expect([where, await lists(stranger)]).toEqual([
            where,
            JSON.stringify({
              generations: { edges: [] },
              comparisons: { edges: [] },
              evaluations: { edges: [] },
            }),
          ]);
        }
        for (const [, id] of everything)
          expect([where, await lists(owner)]).toEqual([where, expect.stringContaining(id)]);
        await restart();
      }
      for (const [kind, id] of everything) await allThere(kind, id);
    });

    it('also where another voted on nothing of it: win rates are of all', async () => {
      const input = { prompt: PROMPT, lanes: LANES, maxTokens: 4, onDisconnect: 'CONTINUE' };
      const comparing = 'mutation ($input: CompareInput!) { startComparison(input: $input) { id } }';
      const { data } = await ask(owner, comparing, { input });
      const { id } = (data as { startComparison: { id: string } }).startComparison;
      await expect
        .poll(
          async () =>
            (await ask(owner, 'query ($id: ID!) { comparison(id: $id) { finished } }', { id })).data,
          { timeout: 15_000 },
        )
        .toEqual({ comparison: { finished: true } });
      const vote =
        'mutation ($id: ID!) { vote(comparison: $id, lane: 1, value: BETTER) { votes { lane value } } }';
      expect((await ask(owner, vote, { id })).data).toEqual({
        vote: { votes: [{ lane: 1, value: 'BETTER' }] },
      });
      const rates = '{ winRates { variantId wins losses } }';
      expect((await ask(STRANGERS[0]!, rates)).data).toEqual((await ask(owner, rates)).data);
    });

    const laneOf = async (id: string): Promise<string> =>
      (await gateway.services.comparisons.get(id, SEES_ALL)).lanes[0]!.generation.id;
    async function evaluated(): Promise<string> {
      const { evaluations, archive } = gateway.services;
      const events = evaluations.start(
        {
          ...{ model: DEMO, quantizations: [QUANTIZATION], reference: null, device: null },
          ...{ text: { text: 'A llama and a unicorn walk. '.repeat(8) }, contextSize: 32, maxWindows: 1 },
        },
        owner.id,
      )(new AbortController().signal);
      for await (const event of events) expect(event.quantization).toBe(QUANTIZATION);
      const filter = { callerId: null, modelId: null, createdFrom: null, createdBefore: null };
      return (await archive.evaluations({ filter, first: 1, after: null })).page[0]!.id;
    }
  });
}

describeOwnership('with SQLite', async () => {
  const file = path.join(folder(), 'history.db');
  return () => openSqliteThread(file, SQLITE_ENTRY);
});

describeWithPostgres((of) => {
  describeOwnership('as installed', async () => {
    const url = await of().newDatabase();
    return () => openPostgres(url);
  });
});

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import {
  comparison,
  compare,
  FOLLOW,
  startComparison,
  type LaneEvent,
  type TestComparison,
} from '../support/comparing.ts';
import {
  DEMO,
  GENERATE,
  MAIN,
  startGateway,
  textOf,
  type TestEvent,
  type TestGateway,
} from '../support/gateway.ts';
import { describeWithPostgres } from '../support/postgres.ts';

const PROMPT = { messages: [{ role: 'USER', content: 'Tell me about a wild unicorn.' }] };
const INPUT = { model: DEMO, prompt: PROMPT, maxTokens: 12, quantization: 'Q2_K', sampling: { seed: 5 } };
const LANES = [
  { model: DEMO, quantization: 'Q2_K' },
  { model: DEMO, quantization: 'Q4_K_M' },
];
const COMPARE = { prompt: PROMPT, lanes: LANES, maxTokens: 10, sampling: { temperature: 0 } };

const LIST = `query ($filter: GenerationFilterInput) { generations(first: 50, filter: $filter) {
  edges { cursor node { id text comparisonId prompt { messages { content } } settings { model quantization sampling { temperature } }
    plan { variant { id quantization model { id } } } } } pageInfo { hasNextPage } } }`;
const STATUS =
  '{ history { isOn problem pending lost usage { generations comparisons evaluations bytes } } }';

interface Listed {
  readonly id: string;
  readonly text: string;
  readonly comparisonId: string | null;
  readonly settings: { readonly model: string } | null;
  readonly plan: { readonly variant: { readonly id: string } } | null;
}

interface Status {
  readonly isOn: boolean;
  readonly problem: string | null;
  readonly pending: number;
  readonly lost: number;
  readonly usage: { readonly generations: number; readonly comparisons: number } | null;
}

const folders: string[] = [];
function newFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'mixgate-history-'));
  folders.push(folder);
  return folder;
}
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.stop();
  gateway = undefined;
});

async function start(...flags: string[]): Promise<TestGateway> {
  await gateway?.stop();
  gateway = await startGateway(flags);
  return gateway;
}

async function generate(on: TestGateway, input: object = INPUT): Promise<TestEvent[]> {
  return (await on.subscribe<'generate'>(GENERATE, { input })).map((event) => event.generate);
}

async function list(on: TestGateway, filter: object = {}): Promise<Listed[]> {
  const { data } = await on.query<{ generations: { edges: { node: Listed }[] } }>(LIST, { filter });
  return data.generations.edges.map(({ node }) => node);
}

const status = async (on: TestGateway): Promise<Status> =>
  (await on.query<{ history: Status }>(STATUS)).data.history;

const written = (on: TestGateway): Promise<void> =>
  vi.waitFor(async () => expect(await status(on)).toMatchObject({ pending: 0, problem: null }), 10_000);

async function follow(on: TestGateway, id: string, after = 0): Promise<LaneEvent[]> {
  const events = await on.subscribe<'comparisonEvents'>(FOLLOW, { id, after });
  return events.map((event) => event.comparisonEvents as unknown as LaneEvent);
}

/** Where each kind of history is. */
interface Place {
  readonly flags: string[];
}

function describeHistory(name: string, newPlace: () => Promise<Place>): void {
  describe(name, () => {
    it('generations, comparisons, votes and evaluations are there after a restart, to read and to resume', async () => {
      const { flags } = await newPlace();
      const first = await start(...flags);
      const events = await generate(first);
      const done = (await compare(first, COMPARE)).at(-1)!.comparison!;
      const blind = (await compare(first, { ...COMPARE, blind: true })).at(-1)!.comparison!;
      const evaluate = `subscription { evaluateQuality(input: { model: "${DEMO}", quantizations: ["Q2_K"], text: "${'A unicorn walks. '.repeat(40)}" }) { quantization result { perplexity } } }`;
      const [quality] = (await first.subscribe<'evaluateQuality'>(evaluate)).slice(-1) as unknown as [
        { evaluateQuality: { result: { perplexity: number } } },
      ];
      const compared = await follow(first, done.id);

      const second = await start(...flags);
      const [newest] = await list(second, { isLane: false });
      expect(newest).toMatchObject({
        text: textOf(events),
        prompt: PROMPT.messages.map(({ content }) => ({ messages: [{ content }] }))[0],
        settings: { model: DEMO, quantization: 'Q2_K', sampling: { temperature: 0.7 } },
        plan: { variant: { id: `${DEMO}:Q2_K` } },
      });
      for (const after of [0, 2, events.at(-1)!.sequence - 1]) {
        const resumed = await second.subscribe<'generationEvents'>(
          `subscription ($id: ID!, $after: Int) { generationEvents(id: $id, after: $after) { firstSequence sequence ... on TokenChunk { text } } }`,
          { id: newest!.id, after },
        );
        expect(resumed[0]!.generationEvents.firstSequence).toBe(after + 1);
        const chunks = resumed.map(({ generationEvents }) => generationEvents);
        expect(textOf(events).endsWith(textOf(chunks))).toBe(true);
        expect(chunks.at(-1)!.sequence).toBe(events.at(-1)!.sequence);
      }
      expect(await comparison(second, done.id)).toEqual(done);
      expect(textsByLane(await follow(second, done.id))).toEqual(textsByLane(compared));
      expect((await follow(second, done.id, 3))[0]!.firstSequence).toBe(4);

      // A blind one tells no more than before, and can be voted on.
      expect(await comparison(second, blind.id)).toEqual(blind);
      const lanes = await list(second, { comparison: blind.id });
      expect(lanes.map(({ plan, settings }) => [plan, settings])).toEqual([
        [null, null],
        [null, null],
      ]);
      expect(await list(second, { comparison: blind.id, quantization: 'Q2_K' })).toEqual([]);
      const vote = `mutation ($id: ID!) { vote(comparison: $id, lane: 1, value: BETTER, comment: "Nicer.") { isRevealed } }`;
      expect((await second.query<object>(vote, { id: blind.id })).data).toEqual({
        vote: { isRevealed: true },
      });
      await written(second);

      const third = await start(...flags);
      const told = await comparison(third, blind.id);
      expect(told).toMatchObject({
        isRevealed: true,
        votes: [{ lane: 1, value: 'BETTER', comment: 'Nicer.' }],
      });
      expect(told.lanes.map(({ generation }) => generation.plan?.variant.quantization).toSorted()).toEqual([
        'Q2_K',
        'Q4_K_M',
      ]);
      const rates = await third.query<{ winRates: { wins: number }[] }>(
        '{ winRates { variantId wins losses } }',
      );
      expect(rates.data.winRates.map(({ wins }) => wins)).toEqual([1, 0]);
      const found = await third.query<{ evaluations: object }>(
        '{ evaluations { edges { node { state model text { excerpt characters } results { quantization result { perplexity } } } } } }',
      );
      expect(found.data.evaluations).toMatchObject({
        edges: [
          {
            node: {
              ...{ state: 'COMPLETED', model: DEMO, text: { characters: 680 } },
              results: [
                { quantization: 'Q2_K', result: { perplexity: quality.evaluateQuality.result.perplexity } },
              ],
            },
          },
        ],
      });
    });

    it('deletes what it is told to, also what is still in memory', async () => {
      const { flags } = await newPlace();
      const on = await start(...flags);
      const [event] = await generate(on);
      const lane = (await compare(on, COMPARE)).at(-1)!.comparison!;
      const remove = (what: string, id: string) =>
        on.query<Record<string, boolean>>(`mutation ($id: ID!) { delete${what}(id: $id) }`, { id });
      const refused = await remove('Generation', lane.lanes[0]!.generation.id);
      expect(refused.errors?.[0]).toMatchObject({ extensions: { code: 'INVALID_INPUT' } });
      const running = await startComparison(on, { ...COMPARE, maxTokens: 200, onDisconnect: 'CONTINUE' });
      expect((await remove('Comparison', running.id)).errors?.[0]?.extensions.code).toBe('IN_USE');
      await on.query('mutation ($id: ID!) { cancelComparison(id: $id) { id } }', { id: running.id });

      expect((await remove('Generation', event!.generationId)).data).toEqual({ deleteGeneration: true });
      expect((await remove('Generation', event!.generationId)).data).toEqual({ deleteGeneration: false });
      expect((await remove('Comparison', lane.id)).data).toEqual({ deleteComparison: true });
      expect((await list(on)).map(({ comparisonId }) => comparisonId)).toEqual([running.id, running.id]);
      expect((await on.query('mutation { clearHistory }')).data).toEqual({ clearHistory: 1 });
      expect(await list(on)).toEqual([]);
      const again = await start(...flags);
      expect(await list(again)).toEqual([]);
      expect((await status(again)).usage).toMatchObject({ generations: 0, comparisons: 0 });
    });
  });
}

/** Per lane; how chunks were merged is nobody's business. */
function textsByLane(events: readonly LaneEvent[]): string[] {
  const texts = ['', ''];
  for (const { lane, event } of events) if (lane !== null) texts[lane] += event?.text ?? '';
  return texts;
}

describeHistory('embedded', async () => ({ flags: ['--data-dir', newFolder()] }));

describeWithPostgres((of) => {
  describeHistory('by its URL', async () => ({ flags: ['--history-url', await of().newDatabase()] }));

  it('killed in mid-run stops nothing, and gets what it missed when it is back', async () => {
    const url = await of().newDatabase();
    const on = await start('--history-url', url);
    await generate(on);
    await written(on);
    const running = await startComparison(on, { ...COMPARE, maxTokens: 60, onDisconnect: 'CONTINUE' });
    await of().kill();
    const events = await follow(on, running.id);
    const ended = events.at(-1)!.comparison as TestComparison;
    expect(ended.lanes.map(({ generation }) => generation.state)).toEqual(['COMPLETED', 'COMPLETED']);
    await vi.waitFor(async () => expect((await historyWithoutUsage(on)).problem).not.toBeNull(), 10_000);
    expect(await historyWithoutUsage(on)).toMatchObject({ pending: 1, lost: 0 });
    // What is in memory can be read and judged; what is not says why.
    expect((await comparison(on, running.id)).id).toBe(running.id);
    await on.query('mutation ($id: ID!) { vote(comparison: $id, lane: 1, value: TIE) { id } }', {
      id: running.id,
    });
    const missing = await on.query('{ generation(id: "019aafc0-0000-7000-8000-000000000000") { id } }');
    expect(missing.errors?.[0]?.extensions.code).toBe('HISTORY_UNAVAILABLE');
    expect((await generate(on)).at(-1)!.__typename).toBe('GenerationCompleted');

    await of().start();
    await written(on);
    const later = await start('--history-url', url);
    expect(await comparison(later, running.id)).toMatchObject({ votes: [{ value: 'TIE' }] });
    expect(await list(later, { isLane: false })).toHaveLength(2);
  });
});

const historyWithoutUsage = async (on: TestGateway): Promise<Status> =>
  (await on.query<{ history: Status }>('{ history { isOn problem pending lost } }')).data.history;

/** `mixgate history …`, its standard output. */
const cli = (...args: string[]): string =>
  execFileSync(process.execPath, [MAIN, 'history', ...args], { encoding: 'utf8', stdio: 'pipe' });

describe('mixgate history', () => {
  it('lists, exports and deletes, beside a gateway and by itself', async () => {
    const flags = ['--data-dir', newFolder()];
    const on = await start(...flags);
    const [event] = await generate(on);
    await compare(on, COMPARE);
    await written(on);
    expect(cli('--search', 'WILD', ...flags)).toMatch(/completed[^]*Kept: 3 generations, 1 comparisons/);
    expect(cli('delete', event!.generationId, ...flags)).toContain('deleted');
    expect(() => cli('delete', event!.generationId, ...flags)).toThrow(/NOT_FOUND/);
    await on.stop();
    const lines = cli('export', ...flags)
      .trim()
      .split('\n');
    const exported = lines.map((line) => JSON.parse(line) as { kind: string; text?: string });
    expect(exported.map(({ kind }) => kind)).toEqual(['generation', 'generation', 'comparison']);
    expect(exported[0]).toMatchObject({ prompt: PROMPT, text: expect.stringMatching(/./) as string });
    expect(() => cli('clear', ...flags)).toThrow(/--before DATE, or --all/);
    expect(cli('clear', '--all', ...flags)).toContain('1 entries');
  });
});

describe('history', () => {
  it('that is off stores nothing', async () => {
    const folder = newFolder();
    const on = await start('--data-dir', folder, '--history', 'no');
    await generate(on);
    expect(await list(on)).toHaveLength(1);
    expect(await status(on)).toEqual({ isOn: false, problem: null, pending: 0, lost: 0, usage: null });
    expect((await on.query('mutation { clearHistory }')).data).toEqual({ clearHistory: 1 });
    expect(await list(on)).toEqual([]);
    const again = await start('--data-dir', folder, '--history', 'no');
    expect(await list(again)).toEqual([]);
    expect(readdirSync(folder).filter((name) => name.startsWith('history'))).toEqual([]);
  });

  it('is for its owner alone, and says of a variant that is gone what it was', async () => {
    const [folder, models] = [newFolder(), newFolder()];
    const demo = path.resolve(import.meta.dirname, '../../models/demo/tiny-mixtral-8x2M.Q2_K.gguf');
    // The same weights under a name of the same length.
    const weights = readFileSync(demo).toString('latin1').replace('Tiny Mixtral 8x2M', 'Lent Mixtral 8x2M');
    writeFileSync(path.join(models, 'lent.gguf'), weights, 'latin1');
    const model = DEMO.replace('tiny', 'lent');
    const on = await start('--data-dir', folder, '--models-dir', models);
    expect((await generate(on, { ...INPUT, model })).at(-1)!.__typename).toBe('GenerationCompleted');
    await written(on);
    expect(statSync(path.join(folder, 'history.db')).mode & 0o077).toBe(0);
    const later = await start('--data-dir', folder);
    expect((await list(later))[0]).toMatchObject({
      plan: { variant: { id: `${model}:Q2_K`, quantization: 'Q2_K', model: { id: model } } },
    });
    const listed = await later.query<{ models: { id: string }[] }>('{ models { id } }');
    expect(listed.data.models.map(({ id }) => id)).toEqual([DEMO]);
  });

  it('with a damaged file lets everything else go on, and says what is wrong', async () => {
    const folder = newFolder();
    writeFileSync(path.join(folder, 'history.db'), 'This is no database. '.repeat(500));
    const on = await start('--data-dir', folder);
    expect((await generate(on)).at(-1)!.__typename).toBe('GenerationCompleted');
    await vi.waitFor(
      async () => expect((await historyWithoutUsage(on)).problem).toMatch(/not a database/),
      10_000,
    );
    expect(existsSync(path.join(folder, 'history.db'))).toBe(true);
    expect((await on.query('{ generations { edges { cursor } } }')).errors?.[0]).toMatchObject({
      extensions: { code: 'HISTORY_UNAVAILABLE' },
    });
  });

  it('refuses cursors that were never given out, and addresses that are none', async () => {
    const on = await start();
    const { errors } = await on.query(
      '{ generations(after: "1; drop table generations") { edges { cursor } } }',
    );
    expect(errors?.[0]?.extensions.code).toBe('INVALID_INPUT');
    await expect(startGateway(['--history-url', 'mysql://localhost/x'])).rejects.toThrow(
      /historyUrl|history-url/,
    );
  });
});

import { createHash } from 'node:crypto';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import Libsql from 'libsql';
import { afterEach, describe, expect, it } from 'vitest';
import { DEMO, EVENT_FIELDS, GENERATE, startGateway, textOf, type TestGateway } from '../support/gateway.ts';
import { HubServer } from '../support/hub-server.ts';
import { followPull, HUB_MODEL, hubModel, pullOf } from '../support/pulling.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

interface About {
  readonly generation: { readonly id: string; readonly text: string; readonly lastSequence: number };
  readonly comparison: string;
  readonly pull: string;
}

const FIXTURES = path.resolve(import.meta.dirname, '../fixtures');
/** Made by `npm run data-fixture` of each release. */
const versions = readdirSync(FIXTURES).filter((name) => name.startsWith('data-'));

const folder = temporaryFolder();
let gateway: TestGateway | undefined;
let hub: HubServer | undefined;
afterEach(async () => {
  await gateway?.stop('SIGKILL');
  await hub?.stop();
});

/** A copy of what a version left, and what is in it. */
function leftBy(version: string): { data: string; about: About } {
  const data = path.join(folder(), 'data');
  cpSync(path.join(FIXTURES, version), data, { recursive: true });
  return { data, about: JSON.parse(readFileSync(path.join(data, 'about.json'), 'utf8')) as About };
}

const health = async ({ url }: TestGateway) =>
  (await (await fetch(new URL('/health/ready', url))).json()) as {
    degraded: { about: string; text: string }[];
  };

describe('a data folder of an earlier version', () => {
  it.each(versions)('%s: history, settings, keys and a pull in the middle go on', async (version) => {
    const { data, about } = leftBy(version);
    const key = readFileSync(path.join(data, 'worker-key'), 'utf8');
    hub = await HubServer.start({ 'tiny.Q2_K.gguf': hubModel('Q2_K') });
    gateway = await startGateway(['--gpu', 'off', '--data-dir', data], { MIXGATE_HF_ENDPOINT: hub.url });
    if ((await pullOf(gateway, about.pull)) !== null)
      expect((await followPull(gateway, about.pull)).at(-1)).toMatchObject({
        state: 'COMPLETED',
        error: null,
      });
    const fetched = hub.rangesOf('tiny.Q2_K.gguf').map((range) => Number(/(\d+)-/.exec(range)![1]));
    // Headers are read again from the start; of the rest, nothing that was there.
    expect(Math.min(...fetched.filter((from) => from > 0))).toBeGreaterThanOrEqual(100_000);

    const follow = `subscription ($id: ID!) { generationEvents(id: $id) { ${EVENT_FIELDS} } }`;
    const { id, text, lastSequence } = about.generation;
    const events = (await gateway.subscribe<'generationEvents'>(follow, { id })).map(
      ({ generationEvents }) => generationEvents,
    );
    expect(textOf(events)).toBe(text);
    expect(events.at(-1)).toMatchObject({ __typename: 'GenerationCompleted', sequence: lastSequence });
    const kept = await gateway.query<object>(
      `query ($comparison: ID!) {
        comparison(id: $comparison) { votes { lane value } lanes { generation { state } } }
        evaluations(first: 5) { edges { node { state } } }
        model(id: "${DEMO}") { settings { sampling } }
        pulled: model(id: "${HUB_MODEL}") { variants { quantization } }
        history { problem } }`,
      { comparison: about.comparison },
    );
    expect(kept).toEqual({
      data: {
        comparison: {
          votes: [{ lane: 1, value: 'BETTER' }],
          lanes: [{ generation: { state: 'COMPLETED' } }, { generation: { state: 'COMPLETED' } }],
        },
        evaluations: { edges: [{ node: { state: 'COMPLETED' } }] },
        model: { settings: { sampling: { temperature: 0.25 } } },
        pulled: { variants: [{ quantization: 'Q2_K' }] },
        history: { problem: null },
      },
    });
    expect(readFileSync(path.join(data, 'worker-key'), 'utf8')).toBe(key);
    expect((await health(gateway)).degraded).toEqual([]);
  });
});

describe('a data folder of a later version', () => {
  it('has its history left alone, and says so; everything else works', async () => {
    const { data } = leftBy(versions.at(-1)!);
    const file = path.join(data, 'history.db');
    const database = new Libsql(file, {});
    database.exec("INSERT INTO kysely_migration VALUES ('9999-of-later', '2030-01-01T00:00:00.000Z')");
    database.pragma('wal_checkpoint(TRUNCATE)', {});
    database.close();
    const hashOf = () => createHash('sha256').update(readFileSync(file)).digest('hex');
    const before = hashOf();
    gateway = await startGateway(['--gpu', 'off', '--data-dir', data]);
    const input = { model: DEMO, prompt: { text: 'A wild unicorn' }, maxTokens: 4 };
    const events = await gateway.subscribe<'generate'>(GENERATE, { input });
    expect(events.at(-1)!.generate.__typename).toBe('GenerationCompleted');
    const running = gateway;
    await expect
      .poll(async () => (await health(running)).degraded, { timeout: 10_000 })
      .toMatchObject([{ about: 'HISTORY', text: expect.stringContaining('newer mixgate') as string }]);
    expect(await gateway.stop()).toBe(0);
    expect(hashOf()).toBe(before);
  });
});

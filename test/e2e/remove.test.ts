import { copyFileSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEMO, GENERATE, startGateway, type TestGateway } from '../support/gateway.ts';
import { HUB_MODEL, hubModel, ofHub, variantIds } from '../support/pulling.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const ID = `${HUB_MODEL}:Q4_K_M`;
const file = () => path.join(folder(), 'models', 'tiny.gguf');
let gateway: TestGateway;
beforeEach(async () => {
  mkdirSync(path.join(folder(), 'models'));
  writeFileSync(file(), hubModel('Q4_K_M'));
  gateway = await startGateway(['--models-dir', path.join(folder(), 'models')]);
});
afterEach(() => gateway.stop());

interface Answer {
  readonly data: { readonly removeVariant: number } | null;
  readonly errors?: readonly { readonly extensions: { readonly code: string } }[];
}
const remove = (id: string, force = false) =>
  gateway.query('mutation ($id: ID!, $force: Boolean) { removeVariant(id: $id, force: $force) }', {
    id,
    force,
  }) as Promise<Answer>;
const codeOf = ({ errors }: Answer) => errors?.[0]?.extensions.code;

const endless = {
  input: {
    model: HUB_MODEL,
    prompt: { text: 'Once upon a time' },
    maxTokens: 1000,
    sampling: { temperature: 1.5, repeatPenalty: 1.5 },
    onDisconnect: 'CONTINUE',
  },
};

describe('removing a variant', () => {
  it('frees its bytes, and what was said of it can still be read', async () => {
    const { size } = statSync(file());
    await gateway.subscribe(GENERATE, { input: { ...endless.input, maxTokens: 3 } });
    const { data } = await gateway.query<{ devices: { resident: { id: string }[] }[] }>(
      '{ devices { resident { id } } }',
    );
    const resident = data.devices.flatMap((device) => device.resident)[0]!.id;
    expect(codeOf(await remove(ID))).toBe('IN_USE');
    expect(existsSync(file())).toBe(true);
    await gateway.query('mutation ($id: ID!) { unloadModel(id: $id) }', { id: resident });
    expect((await remove(ID)).data).toEqual({ removeVariant: size });
    expect(existsSync(file())).toBe(false);
    expect(ofHub(await variantIds(gateway))).toEqual([]);
    const before = await gateway.query<{ generations: { edges: { node: object }[] } }>(
      '{ generations { edges { node { state plan { variant { id availability model { id } } } } } } }',
    );
    expect(before.data.generations.edges[0]!.node).toEqual({
      state: 'COMPLETED',
      plan: { variant: { id: ID, availability: 'REMOTE', model: { id: HUB_MODEL } } },
    });
    expect(codeOf(await remove(ID))).toBe('VARIANT_NOT_AVAILABLE');
  });

  it('with force cancels what runs, unloads it and frees its bytes; nothing else is disturbed', async () => {
    const start = 'mutation ($input: GenerateInput!) { startGeneration(input: $input) { id } }';
    const mine = await gateway.query<{ startGeneration: { id: string } }>(start, endless);
    const other = await gateway.query<{ startGeneration: { id: string } }>(start, {
      input: { ...endless.input, model: DEMO, maxTokens: 200 },
    });
    const stateOf = async (id: string) =>
      (
        await gateway.query<{ generation: { state: string } }>(
          'query ($id: ID!) { generation(id: $id) { state } }',
          { id },
        )
      ).data.generation.state;
    while (!['DECODING', 'COMPLETED'].includes(await stateOf(mine.data.startGeneration.id))) await delay(5);
    expect((await remove(ID, true)).data).toEqual({ removeVariant: hubModel('Q4_K_M').length });
    expect(existsSync(file())).toBe(false);
    expect(['CANCELLED', 'COMPLETED']).toContain(await stateOf(mine.data.startGeneration.id));
    while ((await stateOf(other.data.startGeneration.id)) !== 'COMPLETED') await delay(20);
    const { data } = await gateway.query<{ devices: { resident: { variant: { id: string } }[] }[] }>(
      '{ devices { resident { variant { id } } } }',
    );
    const residents = data.devices.flatMap((device) => device.resident.map(({ variant }) => variant.id));
    expect(residents.filter((id) => id.startsWith(HUB_MODEL))).toEqual([]);
  });

  it('refuses what comes with mixgate, also with force', async () => {
    expect(codeOf(await remove(`${DEMO}:Q6_K`, true))).toBe('FORBIDDEN');
    expect((await variantIds(gateway)).includes(`${DEMO}:Q6_K`)).toBe(true);
  });
});

describe('a file that is deleted by somebody else', () => {
  it('goes on answering where it is loaded, and is gone from the catalog', async () => {
    await gateway.subscribe(GENERATE, { input: { ...endless.input, maxTokens: 3 } });
    const copy = path.join(folder(), 'copy.gguf');
    copyFileSync(file(), copy);
    rmSync(file());
    while (ofHub(await variantIds(gateway)).length > 0) await delay(20);
    const { data } = await gateway.query<{
      devices: { resident: { variant: { id: string; availability: string } }[] }[];
    }>('{ devices { resident { variant { id availability } } } }');
    expect(data.devices.flatMap((device) => device.resident)).toEqual([
      { variant: { id: ID, availability: 'REMOTE' } },
    ]);
    copyFileSync(copy, file());
    while (ofHub(await variantIds(gateway)).length === 0) await delay(20);
    const events = await gateway.subscribe<'generate'>(GENERATE, {
      input: { ...endless.input, maxTokens: 3 },
    });
    expect(events.at(-1)!.generate.__typename).toBe('GenerationCompleted');
  });
});

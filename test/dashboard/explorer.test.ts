import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { buildSchema, getOperationAST, OperationTypeNode, parse, validate } from 'graphql';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  EXAMPLE_NAMES,
  NEWEST_GENERATION,
  type ExampleName,
} from '../../web/dashboard/explorer/example-names.ts';
import { noBrowser, startBrowser, skipWithoutBrowser } from '../support/browser.ts';
import { grave, onPage, PHONE_WIDTH, setTheme, widthOnPhone } from '../support/dashboard.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { HubServer } from '../support/hub-server.ts';
import { followPull, hubModel } from '../support/pulling.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const FOLDER = path.join(ROOT, 'web/dashboard/explorer/examples');
const schema = buildSchema(readFileSync(path.join(ROOT, 'schema/schema.graphql'), 'utf8'));

const queryOf = (name: ExampleName): string => readFileSync(path.join(FOLDER, `${name}.graphql`), 'utf8');
const variablesOf = (name: ExampleName): string => readFileSync(path.join(FOLDER, `${name}.json`), 'utf8');
/** These tell of changes for as long as somebody listens. */
const ENDLESS: ReadonlySet<ExampleName> = new Set(['pull-progress', 'devices']);

/** Texts of the buttons that reach over what stands beside their list. */
const WIDER_THAN_ITS_PLACE = `[...document.querySelectorAll('.examples')].flatMap((list) =>
  [...list.querySelectorAll('button')]
    .filter((button) => button.getBoundingClientRect().right > list.getBoundingClientRect().right + 1)
    .map((button) => button.textContent))`;

let gateway: TestGateway;
let hub: HubServer;
beforeAll(async () => {
  hub = await HubServer.start({ 'Llama-3.2-1B-Instruct-Q4_K_M.gguf': hubModel('Q4_K_M') });
  gateway = await startGateway([], { MIXGATE_HF_ENDPOINT: hub.url });
});
afterAll(async () => {
  await gateway.stop();
  await hub.stop();
});

describe('the examples', () => {
  it('are all listed', () => {
    const files = EXAMPLE_NAMES.flatMap((name) => [`${name}.graphql`, `${name}.json`]);
    expect(readdirSync(FOLDER).toSorted()).toEqual(files.toSorted());
  });

  it.each(EXAMPLE_NAMES)('%s fits the schema', (name) => {
    expect(validate(schema, parse(queryOf(name)))).toEqual([]);
  });

  /** What the gateway answers: of an endless one the first answer, else all of them. */
  async function answersOf(name: ExampleName, newest: string): Promise<Record<string, unknown>[]> {
    const query = queryOf(name);
    const variables = JSON.parse(variablesOf(name).replace(NEWEST_GENERATION, newest)) as Record<
      string,
      unknown
    >;
    if (getOperationAST(parse(query))!.operation !== OperationTypeNode.SUBSCRIPTION) {
      const { data, errors } = await gateway.query<Record<string, unknown>>(query, variables);
      expect(errors).toBeUndefined();
      return [data];
    }
    const client = gateway.client();
    const answers: Record<string, unknown>[] = [];
    for await (const { data, errors } of client.iterate<Record<string, unknown>>({ query, variables })) {
      expect(errors).toBeUndefined();
      answers.push(data!);
      if (ENDLESS.has(name)) break;
    }
    await client.dispose();
    return answers;
  }
  const typesOf = (answers: Record<string, unknown>[], field: string) =>
    answers.map((answer) => (answer[field] as { __typename: string }).__typename);
  const textOf = (answers: Record<string, unknown>[], field: string) =>
    answers.map((answer) => (answer[field] as { text?: string }).text ?? '').join('');

  it('run as they are', async () => {
    const generated = await answersOf('generate', '');
    expect(typesOf(generated, 'generate').at(-1)).toBe('GenerationCompleted');
    expect(typesOf(await answersOf('chat', ''), 'generate').at(-1)).toBe('GenerationCompleted');
    const answer = JSON.parse(textOf(await answersOf('json-answer', ''), 'generate')) as object;
    expect(answer).toEqual({ isAnimal: expect.any(Boolean) as boolean, legs: expect.any(Number) as number });
    const [started] = await answersOf('start', '');
    const { id } = started!['startGeneration'] as { id: string };
    const resumed = await answersOf('resume', id);
    expect(typesOf(resumed, 'generationEvents').at(-1)).toBe('GenerationCompleted');
    const whole = await gateway.query<{ generation: { text: string } }>(
      'query ($id: ID!) { generation(id: $id) { text } }',
      { id },
    );
    expect(textOf(resumed, 'generationEvents')).toBe(whole.data.generation.text);
  });

  it('plan, compare, measure, pull and watch as they are', async () => {
    const [here] = await answersOf('plan', '');
    expect(here).toMatchObject({ plan: { chosen: { variant: { id: expect.any(String) as string } } } });
    const [card] = await answersOf('plan-card', '');
    expect(card).toMatchObject({ plan: { chosen: { deviceName: 'Tesla V100', gpuLayers: 3 } } });
    const compared = await answersOf('compare', '');
    expect(compared.at(-1)).toMatchObject({
      compare: { comparison: { lanes: [{ generation: { state: 'COMPLETED' } }, { divergence: {} }] } },
    });
    const measured = await answersOf('quality', '');
    expect(measured.at(-1)).toMatchObject({
      evaluateQuality: { quantization: 'Q2_K', result: { klDivergence: expect.any(Number) as number } },
    });
    const [pull] = await answersOf('pull', '');
    const { id, source } = pull!['startModelPull'] as { id: string; source: string };
    expect((await followPull(gateway, id)).at(-1)).toMatchObject({ state: 'COMPLETED' });
    expect(await answersOf('pull-progress', '')).toMatchObject([
      { modelPullStatus: [{ source, state: 'COMPLETED' }] },
    ]);
    const [devices] = await answersOf('devices', '');
    expect(devices).toMatchObject({ deviceStatus: [{ kind: expect.any(String) as string }] });
  });
});

if (noBrowser !== null)
  describe('the explorer', () => it(`needs a browser: ${noBrowser}`, skipWithoutBrowser));
else
  describe('the explorer', () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await startBrowser();
    });
    afterAll(() => browser.close());

    const on = (work: (page: Page) => Promise<void>) =>
      onPage({ browser, origin: new URL(gateway.url).origin }, '/api', work);
    const run = (page: Page) => page.getByRole('button', { name: 'Run', exact: true }).click();
    const example = (page: Page, name: string) => page.getByRole('button', { name }).click();
    const ended = (page: Page) => page.locator('[data-run=ended]').waitFor();
    const answers = async (page: Page) => (await page.locator('pre.answers').textContent())!;
    /** As a person does; Playwright's own way leaves it to Chromium to keep the styles of what was there. */
    const write = async (page: Page, editor: string, text: string): Promise<void> => {
      await page.getByRole('textbox', { name: editor }).focus();
      await page.keyboard.press('Control+A');
      await page.keyboard.press('Delete');
      await page.keyboard.insertText(text);
    };

    it('streams an example, and stands in nobody’s way', () =>
      on(async (page) => {
        await example(page, 'A chat with its history');
        expect(await page.evaluate(WIDER_THAN_ITS_PLACE)).toEqual([]);
        await run(page);
        await ended(page);
        expect(await answers(page)).toContain('"__typename":"GenerationCompleted"');
        for (const theme of ['light', 'dark'] as const) {
          await setTheme(page, theme);
          expect(await grave(page)).toEqual([]);
        }
        expect(await widthOnPhone(page)).toBe(PHONE_WIDTH);
      }));

    it('starts one, and follows the newest by its id', () =>
      on(async (page) => {
        await example(page, 'Start and let go');
        await run(page);
        await ended(page);
        const { data } = JSON.parse(await answers(page)) as { data: { startGeneration: { id: string } } };
        await example(page, 'Follow or resume the newest');
        await page.getByRole('textbox', { name: 'Variables' }).getByText(data.startGeneration.id).waitFor();
        await run(page);
        await page.locator('pre.answers').getByText('GenerationCompleted').waitFor();
        await ended(page);
      }));

    it('follows what does not end until it is stopped', () =>
      on(async (page) => {
        await example(page, 'Devices, as they change');
        await run(page);
        await page.locator('pre.answers').getByText('memoryFreeBytes').waitFor();
        expect(await page.locator('[data-run=running]').count()).toBe(1);
        await page.getByRole('button', { name: 'Stop' }).click();
        await page.locator('[data-run=stopped]').waitFor();
      }));

    it('runs what is typed by the keyboard, completes it and says what is wrong with it', () =>
      on(async (page) => {
        await page.getByRole('textbox', { name: 'Schema' }).waitFor();
        await write(page, 'Operation', '');
        // The editor closes the brace by itself.
        await page.keyboard.type('{ vers');
        await page.keyboard.press('Control+Space');
        await page.getByRole('option', { name: 'version' }).click();
        await page.keyboard.press('Control+Enter');
        await ended(page);
        expect(JSON.parse(await answers(page))).toEqual({ data: { version: '0.1.0' } });
        await write(page, 'Operation', '{ nothing }');
        await page.keyboard.press('Control+Enter');
        await page.locator('pre.answers').getByText('Cannot query field').waitFor();
        await write(page, 'Operation', '{ version');
        await page.keyboard.press('Control+Enter');
        await page.locator('.problem').getByText('Syntax Error').waitFor();
        await write(page, 'Operation', '{ version }');
        await write(page, 'Variables', '[1]');
        await run(page);
        await page.locator('.problem').getByText('The variables are no JSON object').waitFor();
      }));

    it('runs the one of several operations that is chosen', () =>
      on(async (page) => {
        await write(page, 'Operation', 'query A { version } query B { devices { kind } }');
        await page.getByRole('combobox', { name: 'Operation' }).selectOption('B');
        await write(page, 'Variables', '{}');
        await run(page);
        await page.locator('pre.answers').getByText('"kind": "CPU"').waitFor();
      }));

    it('shows the schema, a type at a time', () =>
      on(async (page) => {
        await page.getByRole('combobox', { name: 'Type' }).selectOption('WaitingRequest');
        await page.getByRole('textbox', { name: 'Schema' }).getByText('type WaitingRequest').waitFor();
      }));

    it('has it in Japanese', () =>
      on(async (page) => {
        await page.getByRole('combobox', { name: 'Language' }).selectOption('ja');
        await page.getByRole('button', { name: '履歴付きチャット' }).click();
        await page.getByRole('button', { name: '実行', exact: true }).click();
        await page.getByText('終了').waitFor();
      }));
  });

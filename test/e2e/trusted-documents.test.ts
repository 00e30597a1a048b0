import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { parse, print } from 'graphql';
import { createClient as createStreamClient } from 'graphql-sse';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noBrowser, skipWithoutBrowser, startBrowser, WORKER_KEY, workerPage } from '../support/browser.ts';
import { onPage, send, untilStage } from '../support/dashboard.ts';
import { DEMO, MAIN, post, startGateway, type GraphqlError, type TestGateway } from '../support/gateway.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

const VERSION = 'query Version { version }';
const DEEP = 'query Deep { models { variants { model { variants { model { id } } } } } }';
const WATCH = 'subscription Watch { deviceStatus { name } }';
const FREE = '{ version models { id } }';

let folder: string;
let gateway: TestGateway;
beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'mixgate-trusted-'));
  write('documents/web/manifest.json', {
    format: 'apollo-persisted-query-manifest',
    version: 1,
    operations: [{ id: 'version-1', name: 'Version', type: 'query', body: VERSION }],
  });
  write('documents/phone.json', { [sha256(DEEP)]: DEEP, watch: WATCH });
  write(
    'documents/queries/model-ids.graphql',
    'query ModelIds { models { ...Ids } } query Backends { backends { id } }',
  );
  write('documents/queries/fragments.gql', 'fragment Ids on Model { id }');
  gateway = await startGateway([
    ...[
      '--trusted-documents',
      path.join(folder, 'documents'),
      '--trusted-documents-only',
      '--max-depth',
      '3',
    ],
    ...['--worker-key', WORKER_KEY, '--data-dir', path.join(folder, 'data')],
  ]);
});
afterAll(async () => {
  await gateway.stop();
  rmSync(folder, { recursive: true, force: true });
});

function write(name: string, content: string | object): string {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

interface Answer {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly GraphqlError[];
}

/** As clients send an id, or a text, over each transport. */
const TRANSPORTS: Record<string, (body: Record<string, unknown>) => Promise<Answer>> = {
  'POST': (body) => post(gateway.url, body),
  'GET': async (body) => {
    const headers = { 'apollo-require-preflight': 'true' };
    return (await (await fetch(addressOf('', body), { headers })).json()) as Answer;
  },
  'WebSocket': async (body) => {
    const client = gateway.client();
    try {
      for await (const answer of client.iterate({ query: '', ...body })) return answer as unknown as Answer;
      return {};
    } catch (errors) {
      return { errors: errors as GraphqlError[] };
    } finally {
      await client.dispose();
    }
  },
  'server-sent events by POST': async (body) => {
    const client = createStreamClient({ url: `${gateway.url}/stream`, retryAttempts: 0 });
    try {
      for await (const answer of client.iterate({ query: '', ...body })) return answer as unknown as Answer;
      return {};
    } finally {
      client.dispose();
    }
  },
  'server-sent events by GET': async (body) => {
    const stop = new AbortController();
    const headers = { accept: 'text/event-stream' };
    const response = await fetch(addressOf('/stream', body), { headers, signal: stop.signal });
    let text = '';
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString();
      const [, data] = /^event: next\ndata: (.*)$/m.exec(text) ?? [];
      if (data !== undefined) return JSON.parse(data) as Answer;
    }
    throw new Error(`no event: ${text}`);
  },
};

function addressOf(suffix: string, body: Record<string, unknown>): URL {
  const url = new URL(`${gateway.url}${suffix}`);
  for (const [name, value] of Object.entries(body))
    url.searchParams.set(name, typeof value === 'string' ? value : JSON.stringify(value));
  return url;
}

const persisted = (hash: string) => ({ extensions: { persistedQuery: { version: 1, sha256Hash: hash } } });

describe.each(Object.keys(TRANSPORTS))('over %s', (transport) => {
  const ask = TRANSPORTS[transport]!;
  const isVersion = { data: { version: expect.any(String) as string } };

  it.each([
    ['the id of an Apollo manifest', { documentId: 'version-1' }],
    ['its hash, as the specification writes one', { documentId: `sha256:${sha256(VERSION)}` }],
    ["its hash, as Apollo's clients send it", persisted(sha256(VERSION))],
    ["the id, as Apollo's clients send it", persisted('version-1')],
    ['its text, however it is laid out', { query: 'query Version # mine\n{\n\n  version }' }],
  ])('runs what is known, by %s', async (_how, body) => {
    expect(await ask(body)).toMatchObject(isVersion);
  });

  it('runs what is larger than strangers may ask', async () => {
    const { data } = await ask({ documentId: sha256(DEEP) });
    expect(data).toHaveProperty('models.0.variants.0.model.variants.0.model.id', DEMO);
  });

  it('runs nothing else, and remembers nothing', async () => {
    for (const body of [{ query: FREE }, { query: FREE, ...persisted(sha256(FREE)) }]) {
      const { data, errors } = await ask(body);
      expect(data ?? null).toBeNull();
      expect(errors!.map(({ extensions }) => extensions.code)).toEqual(['DOCUMENT_NOT_TRUSTED']);
    }
    for (const body of [persisted(sha256(FREE)), { documentId: 'nobody' }]) {
      const { errors } = await ask(body);
      expect(errors).toMatchObject([
        {
          message: 'PersistedQueryNotFound',
          extensions: {
            code: 'PERSISTED_QUERY_NOT_FOUND',
            advice: expect.stringContaining('Send the document') as string,
          },
        },
      ]);
    }
  });
});

describe('documents of a folder', () => {
  it('go by the names of their operations, with fragments wherever they stand', async () => {
    const models = { models: expect.arrayContaining([{ id: DEMO }]) as unknown };
    expect(await post(gateway.url, { documentId: 'ModelIds' })).toMatchObject({ data: models });
    expect(await post(gateway.url, { documentId: 'Backends' })).toMatchObject({
      data: { backends: [{}, {}] },
    });
  });

  it('may be subscriptions', async () => {
    expect(await TRANSPORTS['WebSocket']!({ documentId: 'watch' })).toMatchObject({
      data: { deviceStatus: {} },
    });
  });
});

describe("Apollo Client's persisted queries", () => {
  it('are found by the hash that the client makes', async () => {
    const id = sha256(print(parse(VERSION)));
    expect(await post(gateway.url, persisted(id))).toMatchObject({ data: {} });
    const link = new PersistedQueryLink({ sha256 }).concat(new HttpLink({ uri: gateway.url }));
    const client = new ApolloClient({ cache: new InMemoryCache(), link });
    const { data } = await client.query({ query: gql(VERSION) });
    expect(data).toMatchObject({ version: expect.any(String) as string });
  });
});

describe("the gateway's own clients", () => {
  const refusals = async (): Promise<string> =>
    /mixgate_refused_total\{limit="trustedDocumentsOnly"\} (\d+)/.exec(
      await (await fetch(new URL('/metrics', gateway.url))).text(),
    )?.[1] ?? '0';

  it('are trusted: the command line', async () => {
    const run = promisify(execFile);
    const before = await refusals();
    await run(process.execPath, [MAIN, 'history', 'export', '--data-dir', path.join(folder, 'data')]);
    expect(await refusals()).toBe(before);
  });

  if (noBrowser !== null) it(`are trusted: pages need a browser: ${noBrowser}`, skipWithoutBrowser);
  else
    it('are trusted: every page, and what is done there', async () => {
      const browser: Browser = await startBrowser();
      const before = await refusals();
      const { origin } = new URL(gateway.url);
      const on = (where: string, work: Parameters<typeof onPage>[2]) =>
        onPage({ browser, origin }, where, work);
      await on('/', async (page) => {
        await send(page, 'Hello');
        await untilStage(page);
      });
      await on('/history', (page) => page.getByText('Hello').first().waitFor());
      await on('/devices', (page) => page.getByRole('heading', { level: 3 }).first().waitFor());
      await on('/models', (page) => page.getByRole('slider').first().waitFor());
      await on('/compare', async (page) => {
        await page.getByLabel('Prompt', { exact: true }).fill('Hello');
        await page.getByRole('button', { name: 'Compare', exact: true }).click();
        await page.waitForURL(/\/compare\/./);
      });
      await on('/api', async (page) => {
        await page.getByRole('textbox', { name: 'Schema' }).waitFor();
        await page.getByRole('button', { name: 'A chat with its history' }).click();
        await page.getByRole('button', { name: 'Run', exact: true }).click();
        await page.locator('pre.answers').getByText('GenerationCompleted').waitFor();
      });
      const page = await browser.newPage();
      await page.goto(workerPage(origin));
      await page.getByText('Lent.').waitFor();
      expect(await refusals()).toBe(before);
      // What is typed there is nobody's.
      await on('/api', async (page) => {
        await page.getByRole('textbox', { name: 'Operation' }).focus();
        await page.keyboard.press('Control+A');
        await page.keyboard.press('Delete');
        await page.keyboard.insertText(FREE);
        await page.keyboard.press('Control+Enter');
        await page
          .locator('pre.answers')
          .getByText('This gateway runs only documents that it knows')
          .waitFor();
      });
      await browser.close();
    });
});

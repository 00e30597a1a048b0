import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEMO, GENERATE, startGateway, textOf, type TestGateway } from '../support/gateway.ts';
import { mlcFiles, smallModel, splitModel } from '../support/gguf-writer.ts';
import { HubServer } from '../support/hub-server.ts';
import {
  followPull,
  HUB_MODEL,
  hubModel,
  ofHub,
  pulled,
  pullOf,
  startPull,
  variantIds,
} from '../support/pulling.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const data = temporaryFolder();
let hub: HubServer;
let gateway: TestGateway;
beforeEach(async () => {
  hub = await HubServer.start({
    'README.md': Buffer.from('# A model'),
    'tiny.Q2_K.gguf': hubModel('Q2_K'),
    'tiny.Q4_K_M.gguf': hubModel('Q4_K_M'),
    'mmproj-tiny.gguf': smallModel({ 'general.type': 'mmproj' }),
  });
});
afterEach(async () => {
  await gateway.stop();
  await hub.stop();
});

const start = async (flags: string[] = [], environment: NodeJS.ProcessEnv = {}) => {
  const settings = {
    MIXGATE_HF_ENDPOINT: hub.url,
    MIXGATE_PULL_SEGMENT: '256KiB',
    MIXGATE_PULL_RETRY_MS: '10',
    ...environment,
  };
  gateway = await startGateway(['--data-dir', data(), ...flags], settings);
  return gateway;
};

/** What is in the models folder, parts and records included. */
const filesHere = () =>
  readdirSync(path.join(data(), 'models'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(path.join(data(), 'models'), path.join(entry.parentPath, entry.name)));

/** Without what is known of pulls that failed; a pull's end is told before its own folder is tidied. */
const left = () => filesHere().filter((name) => !name.endsWith('pull.json'));

const greedy = (model: string, quantization: string) => ({
  input: {
    model,
    quantization,
    prompt: { messages: [{ role: 'USER', content: 'Hello' }] },
    sampling: { temperature: 0 },
    maxTokens: 24,
  },
});
const answerOf = async (model: string, quantization: string) =>
  textOf(
    (await gateway.subscribe<'generate'>(GENERATE, greedy(model, quantization))).map(
      ({ generate }) => generate,
    ),
  );

describe('a pull from the Hub', () => {
  it('tells its progress, brings the very bytes, and the model answers', async () => {
    hub.faults = { pauseMs: 20 };
    await start();
    const { id, state } = await startPull(gateway, 'hf:demo/tiny:q4_k_m');
    expect(state).toBe('QUEUED');
    const startedAt = performance.now();
    const events = await followPull(gateway, id);
    expect(events.length).toBeLessThan((performance.now() - startedAt) / 100 + 3);
    const states = events.map((event) => event.state);
    expect(states).toContain('COMPLETED');
    expect([...new Set(states)]).toEqual(
      ['QUEUED', 'DOWNLOADING', 'VERIFYING', 'COMPLETED'].filter((one) => states.includes(one)),
    );
    events.forEach(({ receivedBytes }, index) =>
      expect(receivedBytes).toBeGreaterThanOrEqual(events[index - 1]?.receivedBytes ?? 0),
    );
    expect(events.some(({ bytesPerSecond }) => (bytesPerSecond ?? 0) > 0)).toBe(true);
    const content = hub.files.get('tiny.Q4_K_M.gguf')!;
    expect(events.at(-1)).toMatchObject({
      receivedBytes: content.length,
      totalBytes: content.length,
      error: null,
      variants: [{ id: `${HUB_MODEL}:Q4_K_M`, availability: 'LOCAL' }],
      model: { id: HUB_MODEL },
    });
    expect(readFileSync(path.join(data(), 'models/demo/tiny/tiny.Q4_K_M.gguf')).equals(content)).toBe(true);
    await expect.poll(filesHere).toEqual(['demo/tiny/tiny.Q4_K_M.gguf']);
    expect(await answerOf(HUB_MODEL, 'Q4_K_M')).toBe(await answerOf(DEMO, 'Q4_K_M'));
  });

  it('shows what is on its way only to who asks for it', async () => {
    hub.faults = { pauseMs: 20 };
    await start();
    const { id } = await startPull(gateway, 'hf:demo/tiny:Q2_K');
    const query = `{ here: models { id } coming: models(availability: [PULLING]) { id variants { id availability } } }`;
    for (;;) {
      const { data: seen } = await gateway.query<{ here: { id: string }[]; coming: unknown[] }>(query);
      if (seen.coming.length === 0 && (await pullOf(gateway, id))?.state !== 'COMPLETED') continue;
      expect(seen.here.map((model) => model.id)).toEqual([DEMO]);
      expect(seen.coming).toEqual([
        { id: HUB_MODEL, variants: [{ id: `${HUB_MODEL}:Q2_K`, availability: 'PULLING' }] },
      ]);
      break;
    }
    await followPull(gateway, id);
    expect(ofHub(await variantIds(gateway))).toEqual([`${HUB_MODEL}:Q2_K`]);
  });

  it('brings several quantizations, or all, without the files that are no models', async () => {
    await start();
    const all = await pulled(gateway, 'hf:demo/tiny:all');
    expect(all.files.map(({ name }) => name)).toEqual(['tiny.Q2_K.gguf', 'tiny.Q4_K_M.gguf']);
    expect(ofHub(await variantIds(gateway))).toEqual([`${HUB_MODEL}:Q2_K`, `${HUB_MODEL}:Q4_K_M`]);
    const before = hub.rangesOf('tiny.Q2_K.gguf').length;
    const again = await pulled(gateway, 'hf:demo/tiny:Q2_K,Q4_K_M');
    expect(again).toMatchObject({ state: 'COMPLETED', receivedBytes: all.totalBytes });
    // What is here with the right hash is not fetched again: only its header was read.
    expect(hub.rangesOf('tiny.Q2_K.gguf')).toHaveLength(before + 1);
  });

  it('without a quantization brings what this machine runs best, as a plan of the source says', async () => {
    await start();
    const { data: planned } = await gateway.query<{
      plan: { chosen: { variant: { id: string; availability: string } }; candidates: unknown[] };
    }>(
      '{ plan(input: { model: "hf:demo/tiny" }) { chosen { variant { id availability } } candidates { fits } } }',
    );
    expect(planned.plan.candidates).toHaveLength(2);
    expect(planned.plan.chosen.variant).toEqual({ id: `${HUB_MODEL}:Q4_K_M`, availability: 'REMOTE' });
    expect(filesHere()).toEqual([]);
    const pull = await pulled(gateway, 'hf:demo/tiny');
    expect(pull.variants.map(({ id }) => id)).toEqual([planned.plan.chosen.variant.id]);
    expect(pull.reasons.join(' ')).toContain('Loses the least quality');
  });

  it('plans a source for a card that need not exist, down to what each lacks', async () => {
    await start();
    const { data: planned } = await gateway.query<{
      plan: { chosen: null; candidates: { shortfalls: { missingBytes: number }[] }[] };
    }>(`{ plan(input: { model: "hf:demo/tiny", hypotheticalDevice: { kind: CUDA, memoryTotalBytes: 1073741824,
          hostMemoryFreeBytes: 0 } }) { chosen { fits } candidates { shortfalls { missingBytes } } } }`);
    expect(planned.plan.chosen).toBeNull();
    expect(planned.plan.candidates[0]!.shortfalls[0]!.missingBytes).toBeGreaterThan(0);
  });

  it('believes tensor tables, not names', async () => {
    hub.files.clear();
    hub.files.set('tiny.Q8_0.gguf', hubModel('Q2_K'));
    hub.files.set('tiny.Q2_K.gguf', hubModel('Q8_0'));
    await start();
    const pull = await pulled(gateway, 'hf:demo/tiny:Q8_0');
    expect(pull.files.map(({ name }) => name)).toEqual(['tiny.Q2_K.gguf']);
    expect(pull.variants.map(({ id }) => id)).toEqual([`${HUB_MODEL}:Q8_0`]);
    expect(pull.reasons).toEqual(['tiny.Q2_K.gguf is Q8_0, whatever it is called.']);
  });

  it('is not planned with a quantization that it does not have', async () => {
    await start();
    const { errors } = await gateway.query(
      '{ plan(input: { model: "hf:demo/tiny:Q5_K_M" }) { chosen { fits } } }',
    );
    expect(errors![0]!.extensions.code).toBe('VARIANT_NOT_AVAILABLE');
  });

  it('brings all parts of a split model, which then answers like the whole one', async () => {
    mkdirSync(path.join(data(), 'models'), { recursive: true });
    const whole = path.join(data(), 'whole.gguf');
    writeFileSync(whole, hubModel('Q4_K_M'));
    hub.files.clear();
    (await splitModel(whole, 3)).forEach((bytes, index) =>
      hub.files.set(`big/tiny-Q4_K_M-0000${index + 1}-of-00003.gguf`, bytes),
    );
    await start();
    const pull = await pulled(gateway, 'hf:demo/split:Q4_K_M');
    expect(pull).toMatchObject({ state: 'COMPLETED', variants: [{ id: `${HUB_MODEL}:Q4_K_M` }] });
    expect(filesHere().filter((name) => name.startsWith('demo/split/big/'))).toHaveLength(3);
    expect(await answerOf(HUB_MODEL, 'Q4_K_M')).toBe(await answerOf(DEMO, 'Q4_K_M'));
  });

  it('brings a folder of MLC weights with its library', async () => {
    hub.files.clear();
    for (const [name, content] of Object.entries(mlcFiles())) hub.files.set(name, content);
    hub.files.set('lib-webgpu.wasm', Buffer.from('\0asm'));
    hub.files.set('README.md', Buffer.from('not needed'));
    await start();
    const pull = await pulled(gateway, 'hf:mlc-ai/Tiny-Llama-q4f16_1-MLC');
    expect(pull).toMatchObject({ state: 'COMPLETED', model: { id: 'tiny-llama' } });
    expect(filesHere()).not.toContain('mlc-ai/Tiny-Llama-q4f16_1-MLC/README.md');
    const { data: shown } = await gateway.query<object>(
      '{ model(id: "tiny-llama") { architecture tokenizer { vocabularySize } variants { format mlc { library requiredFeatures } } } }',
    );
    expect(shown).toEqual({
      model: {
        architecture: 'llama',
        tokenizer: { vocabularySize: 32 },
        variants: [{ format: 'MLC', mlc: { library: 'lib-webgpu.wasm', requiredFeatures: ['shader-f16'] } }],
      },
    });
    // Its library is none: that is known before any browser is asked.
    const { errors } = await gateway.query('mutation { loadModel(model: "tiny-llama") { id } }');
    expect(errors?.[0]!.extensions.code).toBe('VARIANT_NOT_AVAILABLE');
  });

  it('survives a server that hangs up in the middle of headers too', async () => {
    hub.faults = { cutAfter: 30_000 };
    await start();
    expect(await pulled(gateway, 'hf:demo/tiny:Q2_K')).toMatchObject({ state: 'COMPLETED' });
  });

  it('replaces a file that has changed at its source by the new one, and keeps the old until then', async () => {
    await start();
    const target = path.join(data(), 'models/demo/tiny/tiny.Q2_K.gguf');
    const old = hub.files.get('tiny.Q2_K.gguf')!;
    await pulled(gateway, 'hf:demo/tiny:Q2_K');
    const changed = Buffer.from(old);
    changed[changed.length - 5]! ^= 1;
    hub.files.set('tiny.Q2_K.gguf', changed);
    hub.faults = { stallAfter: 100_000 };
    const { id } = await startPull(gateway, 'hf:demo/tiny:Q2_K');
    await gateway.query('mutation ($id: ID!) { cancelModelPull(id: $id) { state } }', { id });
    expect(readFileSync(target).equals(old)).toBe(true);
    hub.faults = {};
    expect(await pulled(gateway, 'hf:demo/tiny:Q2_K')).toMatchObject({ state: 'COMPLETED' });
    expect(readFileSync(target).equals(changed)).toBe(true);
  });

  it('follows the pages of a long listing', async () => {
    hub.pageSize = 1;
    await start();
    expect(await pulled(gateway, 'hf:demo/tiny:Q4_K_M')).toMatchObject({ state: 'COMPLETED' });
    expect(hub.requests.filter(({ url }) => url.includes('/tree/'))).toHaveLength(4);
  });

  it('sends the token of the environment, and never tells it', async () => {
    hub.token = 'hf_very_secret_token';
    await start(['--log-level', 'debug'], { HF_TOKEN: hub.token });
    const pull = await pulled(gateway, 'hf:demo/tiny:Q2_K');
    expect(pull.state).toBe('COMPLETED');
    hub.token = 'another';
    const refused = await pulled(gateway, 'hf:demo/tiny:Q4_K_M');
    expect(refused.error).toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringContaining('HF_TOKEN') as string,
    });
    expect(gateway.stderr() + JSON.stringify(refused)).not.toContain('hf_very_secret_token');
    expect(
      filesHere().map((file) => readFileSync(path.join(data(), 'models', file)).includes('hf_very')),
    ).not.toContain(true);
  });
});

describe('a hostile server', () => {
  it.each([
    ['INTEGRITY_MISMATCH', 'sends other bytes than it lists the hash of', { corrupt: true }],
    ['INTEGRITY_MISMATCH', 'sends another length than it lists', { lieOfListing: 4096 }],
    ['SOURCE_UNAVAILABLE', 'sends nothing after the first bytes', { stallAfter: 10 }],
    ['SOURCE_UNAVAILABLE', 'always hangs up', { cutAfter: 10 }],
    ['SOURCE_UNAVAILABLE', 'fails', { status: 500 }],
    ['FORBIDDEN', 'redirects into the private network', { redirectTo: 'http://169.254.169.254/{path}' }],
    ['FORBIDDEN', 'redirects to a file', { redirectTo: 'file:///etc/passwd' }],
    ['SOURCE_UNAVAILABLE', 'tells ranges that were not asked for', { lieOfRange: 4096 }],
  ])('that ends in %s when it %s leaves nothing in the catalog', async (code, _what, faults) => {
    hub.faults = faults;
    await start([], { MIXGATE_PULL_STALL_MS: '200' });
    const pull = await pulled(gateway, 'hf:demo/tiny:Q2_K');
    expect(pull).toMatchObject({ state: 'FAILED', model: null });
    // A corrupted header is no header; what else is wrong with the bytes, their hash tells.
    const codes = 'corrupt' in faults ? [code, 'VARIANT_NOT_AVAILABLE'] : [code];
    expect(codes).toContain(pull.error!.code);
    expect(ofHub(await variantIds(gateway))).toEqual([]);
    // The gateway goes on as if nothing had been.
    hub.faults = {};
    expect(await pulled(gateway, 'hf:demo/tiny:Q2_K')).toMatchObject({ state: 'COMPLETED' });
    await expect.poll(left).toEqual(['demo/tiny/tiny.Q2_K.gguf']);
  });

  it('that sends wrong bytes behind a right header is found out by the hash', async () => {
    await start();
    const right = hub.files.get('tiny.Q2_K.gguf')!;
    const wrong = Buffer.from(right);
    wrong[wrong.length - 5]! ^= 1;
    hub.files.set('tiny.Q2_K.gguf', wrong);
    const sha256 = createHash('sha256').update(right).digest('hex');
    const pull = await pulled(gateway, 'hf:demo/tiny/tiny.Q2_K.gguf', sha256);
    expect(pull.error).toMatchObject({
      code: 'INTEGRITY_MISMATCH',
      message: expect.stringContaining(sha256) as string,
    });
    await expect.poll(left).toEqual([]);
  });

  it.each(['../../../evil.gguf', '/tmp/evil.gguf', '..\\evil.gguf', '.pulls/evil.gguf', 'a/../../evil.gguf'])(
    'that lists %s has nothing of that name written',
    async (name) => {
      hub.files.clear();
      hub.extraNames = [name];
      await start();
      const pull = await pulled(gateway, 'hf:demo/tiny:all');
      expect(pull.error).toMatchObject({ code: 'NOT_FOUND' });
      expect(existsSync('/tmp/evil.gguf')).toBe(false);
      expect(filesHere().filter((file) => file.includes('evil'))).toEqual([]);
    },
  );

  it('cannot write through a link that leads out of the models folder', async () => {
    const outside = path.join(data(), 'outside');
    mkdirSync(outside);
    mkdirSync(path.join(data(), 'models'));
    symlinkSync(outside, path.join(data(), 'models', 'demo'));
    await start();
    const pull = await pulled(gateway, 'hf:demo/tiny:Q2_K');
    expect(pull.error).toMatchObject({ code: 'FORBIDDEN' });
    expect(readdirSync(outside).flatMap((name) => readdirSync(path.join(outside, name)))).toEqual([]);
  });

  it('that serves a file which is no model is told so', async () => {
    hub.files.set('tiny.Q2_K.gguf', Buffer.alloc(200_000, 'no model '));
    await start();
    expect((await pulled(gateway, 'hf:demo/tiny:Q2_K')).error).toMatchObject({
      code: 'VARIANT_NOT_AVAILABLE',
    });
    hub.faults = { noRanges: true, noHashes: true };
    expect((await pulled(gateway, 'hf:demo/tiny:Q2_K')).error).toMatchObject({
      code: 'VARIANT_NOT_AVAILABLE',
    });
    await expect.poll(left).toEqual([]);
  });
});

describe('a listing', () => {
  it('without end is not followed to it', async () => {
    hub.pageSize = 0;
    await start();
    const pull = await pulled(gateway, 'hf:demo/tiny:Q2_K');
    expect(pull.error).toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('too many') as string,
    });
    expect(hub.requests.length).toBeLessThanOrEqual(201);
  });
});

describe('other sources', () => {
  it('are addresses of files, from hosts that are allowed', async () => {
    await start(['--allowed-hosts', `127.0.0.1:${hub.port}`]);
    const source = `${hub.url}/plain/tiny.Q2_K.gguf`;
    const sha256 = createHash('sha256').update(hub.files.get('tiny.Q2_K.gguf')!).digest('hex');
    expect(await pulled(gateway, source, sha256.toUpperCase())).toMatchObject({ state: 'COMPLETED', source });
    await expect.poll(filesHere).toEqual([`127.0.0.1-${hub.port}/plain/tiny.Q2_K.gguf`]);
    hub.faults = { noRanges: true, noLength: true };
    const whole = await pulled(gateway, `${hub.url}/plain/tiny.Q4_K_M.gguf`);
    expect(whole).toMatchObject({ state: 'COMPLETED', model: { id: HUB_MODEL } });
    const signed = await pulled(gateway, `${hub.url}/plain/tiny.Q4_K_M.gguf?X-Signature=secret`);
    expect(signed).toMatchObject({ state: 'COMPLETED', source: `${hub.url}/plain/tiny.Q4_K_M.gguf?…` });
    expect(gateway.stderr()).not.toContain('X-Signature');
  });

  it('are files of this machine', async () => {
    const file = path.join(data(), 'mine.gguf');
    writeFileSync(file, hubModel('Q2_K'));
    await start();
    expect(await pulled(gateway, `file:${file}`)).toMatchObject({
      state: 'COMPLETED',
      model: { id: HUB_MODEL },
    });
    await expect.poll(filesHere).toEqual([expect.stringMatching(/^local\/[0-9a-f]{8}\/mine\.gguf$/)]);
  });

  it('are refused with a code that says why', async () => {
    await start();
    const codes: Record<string, string> = {
      'hf:nobody': 'INVALID_INPUT',
      'ftp://example.com/a.gguf': 'INVALID_INPUT',
      'https://10.0.0.1/a.gguf': 'FORBIDDEN',
      'http://example.com/a.gguf': 'FORBIDDEN',
      'https://localhost/a.gguf': 'FORBIDDEN',
      'https://example.com/a.zip': 'INVALID_INPUT',
      'file:/etc/passwd': 'INVALID_INPUT',
      'file:/nowhere/a.gguf': 'NOT_FOUND',
      'hf:demo/other:Q7_X': 'VARIANT_NOT_AVAILABLE',
    };
    const told: Record<string, string | undefined> = {};
    for (const source of Object.keys(codes))
      told[source] = await pulled(gateway, source).then(
        ({ error }) => error?.code,
        (error: { code: string }) => error.code,
      );
    expect(told).toEqual(codes);
    await expect.poll(left).toEqual([]);
    await expect(startPull(gateway, 'hf:demo/tiny', 'abc')).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    const sha256 = 'a'.repeat(64);
    await expect(startPull(gateway, 'hf:demo/tiny', sha256)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(followPull(gateway, 'nobody')).rejects.toMatchObject({
      errors: [{ extensions: { code: 'NOT_FOUND' } }],
    });
  });

  it('can be limited by scheme', async () => {
    await start(['--pull-schemes', 'hf,https']);
    await expect(startPull(gateway, 'file:/tmp/a.gguf')).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });
});

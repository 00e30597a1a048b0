import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DEMO, GENERATE, MAIN, startGateway, UNICORN, type TestGateway } from '../support/gateway.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = path.resolve(import.meta.dirname, '../..');
/** 300 conversations that the demo model was not trained on: tools/demo-model/heldout.py. */
const HELDOUT = readFileSync(path.join(root, 'tools/demo-model/heldout.jsonl'), 'utf8');
const heldout = (documents: number) => HELDOUT.split('\n').slice(0, documents).join('\n');
/** Running text, a few hundred thousand characters of it. */
const PROSE = ['README.md', 'ARCHITECTURE.md', 'package-lock.json']
  .map((file) => readFileSync(path.join(root, file), 'utf8'))
  .join('\n');

const QUANTIZATIONS = ['F16', 'Q8_0', 'Q6_K', 'Q4_K_M', 'Q2_K'];

interface Event {
  readonly quantization: string;
  readonly progress: number;
  readonly result: Result | null;
}

interface Result {
  readonly tokens: number;
  readonly perplexity: number;
  readonly klDivergence: number | null;
  readonly sameTopToken: number | null;
}

const EVALUATE = `subscription ($input: EvaluateQualityInput!) { evaluateQuality(input: $input) {
  quantization progress result { tokens perplexity klDivergence sameTopToken } } }`;

type Visit = (event: Event, events: readonly Event[]) => void;

/** Events until it ends; `visit` may stop it by throwing, which is not an error. */
async function evaluate(gateway: TestGateway, input: object, visit: Visit = () => undefined) {
  const client = gateway.client();
  const events: Event[] = [];
  const query = { query: EVALUATE, variables: { input: { model: DEMO, ...input } } };
  try {
    for await (const { data, errors } of client.iterate<{ evaluateQuality: Event }>(query)) {
      if (errors !== undefined) throw Object.assign(new Error('failed'), { errors });
      events.push(data!.evaluateQuality);
      visit(events.at(-1)!, events);
    }
    return events;
  } catch (error) {
    if (error === LEAVE) return events;
    throw error;
  } finally {
    await client.dispose();
  }
}

const LEAVE = new Error('enough');

/** The code of what it is refused with. */
async function refusal(gateway: TestGateway, input: object, visit?: Visit): Promise<unknown> {
  const failure: unknown = await evaluate(gateway, input, visit).then(
    () => null,
    (error: unknown) => error,
  );
  const errors = Array.isArray(failure) ? failure : (failure as { errors?: unknown } | null)?.errors;
  return (errors as readonly { extensions?: { code?: unknown } }[] | undefined)?.[0]?.extensions?.code;
}

const results = (events: readonly Event[]): Record<string, Result> =>
  Object.fromEntries(
    events.flatMap(({ quantization, result }) => (result === null ? [] : [[quantization, result]])),
  );

const rssBytes = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024;

const data = temporaryFolder();
const referencesIn = (folder: string): string[] => {
  const place = path.join(folder, 'cache/quality');
  return existsSync(place) ? readdirSync(place) : [];
};

describe('quality on a text of one’s own', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway(['--slots', '1']);
  });
  afterAll(() => gateway.stop());

  // Mean surprise of score.cpp, linked to the same llama.cpp, on the first 30 conversations.
  it('is that of the model card’s own program', { timeout: 300_000 }, async () => {
    const expected = { F16: 0.12538, Q8_0: 0.12528, Q6_K: 0.12532, Q4_K_M: 0.12558, Q2_K: 0.13735 };
    const input = { quantizations: QUANTIZATIONS, text: heldout(30), format: 'DOCUMENTS', contextSize: 1024 };
    const found = results(await evaluate(gateway, input));
    for (const [quantization, loss] of Object.entries(expected)) {
      expect(found[quantization]).toMatchObject({ tokens: 6267, klDivergence: null, sameTopToken: null });
      expect(Math.abs(Math.log(found[quantization]!.perplexity) - loss)).toBeLessThan(3e-5);
    }
  });

  it('is the card’s on all that was held out', { timeout: 600_000 }, async () => {
    const input = { quantizations: ['F16'], text: HELDOUT, format: 'DOCUMENTS', contextSize: 1024 };
    const { F16 } = results(await evaluate(gateway, input));
    expect(F16!.tokens).toBe(56007);
    expect(Math.abs(Math.log(F16!.perplexity) - 0.12541)).toBeLessThan(3e-5);
  });

  it('falls with the bits, and not at all against itself', { timeout: 300_000 }, async () => {
    const input = { quantizations: ['Q2_K', 'Q8_0', 'Q4_K_M', 'Q6_K'], reference: 'F16', text: heldout(15) };
    const events = await evaluate(gateway, { ...input, format: 'DOCUMENTS', contextSize: 1024 });
    const found = results(events);
    expect(Object.keys(found)).toEqual(['F16', 'Q2_K', 'Q8_0', 'Q4_K_M', 'Q6_K']);
    expect(found['F16']!.klDivergence).toBeLessThan(1e-6);
    expect(found['F16']!.sameTopToken).toBe(1);
    const divergences = QUANTIZATIONS.map((quantization) => found[quantization]!.klDivergence!);
    expect(divergences).toEqual(divergences.toSorted((a, b) => a - b));
    const same = QUANTIZATIONS.map((quantization) => found[quantization]!.sameTopToken!);
    expect(same).toEqual(same.toSorted((a, b) => b - a));
    expect(found['Q2_K']!.perplexity).toBeGreaterThan(found['F16']!.perplexity * 1.003);
    for (const quantization of ['Q8_0', 'Q6_K', 'Q4_K_M'])
      expect(found[quantization]!.perplexity / found['F16']!.perplexity).toBeCloseTo(1, 2);
  });

  it('never goes back, begins with 0 and ends with 1 and the result', async () => {
    const input = { quantizations: ['Q8_0', 'q8_0', 'Q2_K'], text: PROSE, maxWindows: 6 };
    const events = await evaluate(gateway, input);
    for (const quantization of ['Q8_0', 'Q2_K']) {
      const own = events.filter((event) => event.quantization === quantization);
      const progress = own.map((event) => event.progress);
      expect([progress[0], progress.at(-1)]).toEqual([0, 1]);
      expect(progress).toEqual(progress.toSorted((a, b) => a - b));
      expect(progress.length).toBeGreaterThan(3);
      expect(own.filter(({ result }) => result !== null)).toEqual([own.at(-1)]);
      // 255 of each window of 512, as llama-perplexity scores.
      expect(own.at(-1)!.result!.tokens).toBe(6 * 255);
    }
  });

  it('frees the slot when the subscriber leaves', async () => {
    const input = { quantizations: ['Q8_0'], reference: 'Q8_0', text: PROSE };
    await evaluate(gateway, input, ({ progress }) => {
      if (progress > 0) throw LEAVE;
    });
    const leftAt = performance.now();
    const generated = await gateway.subscribe<'generate'>(GENERATE, {
      input: {
        model: DEMO,
        quantization: 'Q8_0',
        prompt: { text: UNICORN },
        maxTokens: 3,
        maxWaitMs: 20_000,
      },
    });
    expect(generated.at(-1)!.generate.__typename).toBe('GenerationCompleted');
    // The rest of the text would have taken minutes.
    expect(performance.now() - leftAt).toBeLessThan(15_000);
  });

  it('ends with BACKEND_CRASHED when the runner is killed, and can be asked again', async () => {
    const input = { quantizations: ['Q6_K'], text: PROSE };
    let isKilled = false;
    const code = await refusal(gateway, input, ({ progress }) => {
      if (progress === 0 || isKilled) return;
      isKilled = true;
      void gateway.runners().then((pids) => pids.forEach((pid) => process.kill(pid, 'SIGKILL')));
    });
    expect(code).toBe('BACKEND_CRASHED');
    expect(results(await evaluate(gateway, { ...input, maxWindows: 1 }))['Q6_K']!.tokens).toBe(255);
  });

  it('says so over server-sent events, too', async () => {
    const input = { model: DEMO, quantizations: ['Q6_K'], text: PROSE };
    const response = await fetch(`${gateway.url}/stream`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'accept': 'text/event-stream' },
      body: JSON.stringify({ query: EVALUATE, variables: { input } }),
    });
    let text = '';
    let isKilled = false;
    const decoder = new TextDecoder();
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      if (isKilled || !/"progress":0\.[0-9]/.test(text)) continue;
      isKilled = true;
      for (const pid of await gateway.runners()) process.kill(pid, 'SIGKILL');
    }
    expect(text).toMatch(/"code":"BACKEND_CRASHED".*\n\nevent: complete/s);
  });

  it('refuses what cannot be measured', async () => {
    const input = { quantizations: ['Q8_0'], text: 'A llama and a unicorn.' };
    const cases: [object, string][] = [
      [{ text: ' \n' }, 'INVALID_INPUT'],
      [{ text: '.' }, 'INVALID_INPUT'],
      [{ quantizations: [] }, 'INVALID_INPUT'],
      [{ quantizations: ['Q9_Z'] }, 'VARIANT_NOT_AVAILABLE'],
      [{ reference: 'Q9_Z' }, 'VARIANT_NOT_AVAILABLE'],
      [{ model: 'nobody' }, 'MODEL_NOT_FOUND'],
      [{ contextSize: 4096 }, 'CONTEXT_OVERFLOW'],
      [{ contextSize: 1 }, 'INVALID_INPUT'],
      [{ device: 'nowhere' }, 'INVALID_INPUT'],
      [{ format: 'DOCUMENTS' }, 'INVALID_INPUT'],
      [{ format: 'DOCUMENTS', text: '{"text":""}' }, 'INVALID_INPUT'],
    ];
    for (const [wrong, code] of cases) expect(await refusal(gateway, { ...input, ...wrong })).toBe(code);
    expect(results(await evaluate(gateway, input))['Q8_0']!.tokens).toBeGreaterThan(3);
  });

  it('takes no more memory for a longer text', { timeout: 120_000 }, async () => {
    const input = { quantizations: ['Q4_K_M'], reference: 'Q4_K_M', text: PROSE, maxWindows: 40 };
    const samples: { runner: number; own: number }[] = [];
    const runners = () => gateway.runners();
    let known = await runners();
    const events = await evaluate(gateway, input, ({ progress }) => {
      void runners().then((pids) => (known = pids));
      const all = known.map((pid) => (existsSync(`/proc/${pid}/status`) ? rssBytes(pid) : 0));
      if (progress > 0.1) samples.push({ runner: Math.max(...all), own: rssBytes(gateway.process.pid!) });
    });
    expect(results(events)['Q4_K_M']!.tokens).toBe(40 * 255);
    const grown = (of: 'runner' | 'own') => Math.max(...samples.map((each) => each[of])) - samples[0]![of];
    // The logits of the scored tokens alone are 94 MB, as JavaScript maps many times that.
    expect(grown('runner')).toBeLessThan(64 * 2 ** 20);
    expect(grown('own')).toBeLessThan(48 * 2 ** 20);
  });
});

describe('the file of the reference', () => {
  let gateway: TestGateway | undefined;
  afterEach(() => gateway?.stop('SIGKILL'));
  const start = async (launcher: string[] = [], environment: NodeJS.ProcessEnv = {}) =>
    (gateway = await startGateway(['--data-dir', data()], environment, launcher));
  const input = { quantizations: ['Q8_0'], reference: 'Q8_0', text: PROSE };

  it('is gone after the end, after leaving, and after kill -9 at the next start', async () => {
    await start();
    await evaluate(gateway!, { ...input, maxWindows: 2 }, ({ progress }) => {
      if (progress > 0 && progress < 1) expect(referencesIn(data())).toHaveLength(1);
    });
    expect(referencesIn(data())).toEqual([]);
    await evaluate(gateway!, input, ({ progress }) => {
      if (progress > 0) throw LEAVE;
    });
    await until(() => referencesIn(data()).length === 0);
    await refusal(gateway!, input, ({ progress }) => {
      if (progress > 0) gateway!.process.kill('SIGKILL');
    });
    expect(referencesIn(data())).toHaveLength(1);
    await start();
    expect(referencesIn(data())).toEqual([]);
  });

  it('is DISK_FULL when the disk is', async () => {
    // No file may be longer than 2 MiB: what writing on says is the file system's own error.
    const NODE_OPTIONS = `--import data:text/javascript,process.on('SIGXFSZ',()=>{})`;
    await start(['bash', '-c', 'ulimit -f 2048; exec "$0" "$@"'], { NODE_OPTIONS });
    expect(await refusal(gateway!, input)).toBe('DISK_FULL');
    expect(referencesIn(data())).toEqual([]);
    expect(results(await evaluate(gateway!, { ...input, maxWindows: 1 }))['Q8_0']!.sameTopToken).toBe(1);
  });
});

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await delay(10);
}

describe('mixgate quality', () => {
  it('prints a table, or JSON', async () => {
    const file = path.join(data(), 'text.jsonl');
    writeFileSync(file, heldout(3));
    const mixgate = (...options: string[]) =>
      promisify(execFile)(
        process.execPath,
        [
          ...[
            MAIN,
            'quality',
            DEMO,
            '--data-dir',
            data(),
            '--text',
            file,
            '--format',
            'documents',
            '-c',
            '1024',
          ],
          ...options,
        ],
        { env: { ...process.env, NO_COLOR: '1', COLUMNS: '120' } },
      );
    const { stdout } = await mixgate('--quantizations', 'Q8_0,Q2_K', '--reference', 'F16', '--json');
    const { reference, results: rows } = JSON.parse(stdout) as { reference: string; results: Event[] };
    expect(reference).toBe('F16');
    expect(rows.map(({ quantization }) => quantization)).toEqual(['F16', 'Q8_0', 'Q2_K']);
    const text = (await mixgate('--quantizations', 'Q2_K')).stdout;
    expect(text).toMatch(/Q2_K\s+│\s+\d+\s+│\s+1\.\d{4}\s+│\s+–/);
    await expect(mixgate('--quantizations', 'Q9')).rejects.toMatchObject({ code: 1 });
  });
});

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterEach, describe, expect, it } from 'vitest';
import { reportSchema, type Report } from '../../src/report/schema.ts';
import { CHROMIUM, noBrowser, skipWithoutBrowser } from '../support/browser.ts';
import { DEMO, MAIN, UNICORN } from '../support/gateway.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

const terminals: ChildProcess[] = [];
afterEach(() => terminals.splice(0).forEach((terminal) => terminal.kill('SIGKILL')));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function mixgate(args: readonly string[], stdin = ''): Promise<Ended> {
  return new Promise((resolve) => {
    const environment = {
      ...process.env,
      NO_COLOR: '1',
      XDG_DATA_HOME: folder(),
      MIXGATE_CHROMIUM: CHROMIUM,
    };
    const options = { env: environment, maxBuffer: 2 ** 26 };
    const child = execFile(process.execPath, [MAIN, ...args], options, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    );
    child.stdin!.end(stdin);
  });
}

const lanes = (...names: string[]): string[] => names.flatMap((name) => ['--lane', `${DEMO}:${name}`]);
const reported = (name: string): string => readFileSync(path.join(folder(), name), 'utf8');
const reportIn = (text: string): Report => reportSchema.parse(JSON.parse(text));

describe('mixgate bench', () => {
  it("repeats the article's experiment, and reports it in every format", async () => {
    const endings = ['md', 'csv', 'json', 'html'];
    const files = endings.flatMap((ending) => ['--report', path.join(folder(), `report.${ending}`)]);
    const short = ['--repetitions', '2', '-n', '24'];
    const { code, stdout, stderr } = await mixgate(['bench', ...lanes('Q2_K', 'Q4_K_M'), ...short, ...files]);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringContaining('8 of 8: ja-explanation') as string,
    });
    expect(`${stdout}${stderr}`).not.toMatch(/\x1b/);
    for (const part of [`${DEMO}:Q4_K_M`, '8/8', 'eval tok/s', '±']) expect(stdout).toContain(part);

    const report = reportIn(reported('report.json'));
    expect(report).toMatchObject({
      kind: 'BENCH',
      incomplete: null,
      repetitions: 2,
      warmUps: 1,
      maxTokens: 24,
    });
    expect(report.command).toContain(`mixgate bench --lane ${DEMO}:Q2_K --lane ${DEMO}:Q4_K_M`);
    expect(report.machine.backends).toMatchObject([
      { id: 'llama-cpp', version: expect.any(String) as string },
    ]);
    expect(report.prompts.map(({ id }) => id)).toEqual(['unicorn', 'ja-ideas', 'ja-story', 'ja-explanation']);
    expect(report.lanes.map(({ plan }) => plan!.quantization)).toEqual(['Q2_K', 'Q4_K_M']);
    expect(report.runs).toHaveLength(16);
    for (const { summary } of report.lanes) {
      expect(summary).toMatchObject({ completed: 8, failed: 0, cancelled: 0, driftShare: 0 });
      expect(summary.spreads).toMatchObject({
        ...{ evalTokensPerSecond: { n: 8 }, promptTokensPerSecond: { n: 8 }, firstTokenMs: { n: 8 } },
        ...{ loadMs: { n: 1 }, memoryBytes: { n: 8 }, consistency: { n: 8, median: 1 } },
      });
    }
    // Greedy: a repetition says the same again.
    const textsOf = (repetition: number) =>
      report.runs.filter((run) => run.repetition === repetition).map(({ text }) => text);
    expect(textsOf(1)).toEqual(textsOf(0));
    expect(report.lanes[1]!.summary.spreads.commonPrefixChars!.n).toBe(8);

    const rows = parse<Record<string, string>>(reported('report.csv'), { columns: true, bom: true });
    expect(rows.map(({ text }) => text)).toEqual(report.runs.map(({ text }) => text));
    for (const text of textsOf(0)) expect(reported('report.md')).toContain(text);
    const page = reported('report.html');
    for (const { label } of report.lanes) expect(page).toContain(label);
    expect(page.match(/<svg/g)!.length).toBeGreaterThanOrEqual(6);
    expect(readdirSync(folder()).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('goes on where a lane fails, and reads every prompt anew', async () => {
    // No browser lends itself.
    const failing = ['--lane', `${DEMO}:Q8_0@webgpu`];
    const set =
      '{"id":"only","prompt":"Alas, a wild unicorn is approaching! As a llama, what should I do?"}\n';
    const args = ['bench', ...lanes('Q8_0'), ...failing, '--prompts', '-', '-n', '8', '--json'];
    const { code, stdout, stderr } = await mixgate(args, set);
    expect([code, stderr]).toEqual([1, '']);
    const { lanes: told, runs, incomplete } = reportIn(stdout);
    expect(incomplete).toBeNull();
    expect(told[0]!.summary).toMatchObject({
      completed: 3,
      failed: 0,
      spreads: { promptTokensPerSecond: { n: 3 } },
    });
    expect(told[1]).toMatchObject({
      plan: null,
      summary: { completed: 0, failed: 3, failures: [{ code: 'BACKEND_UNAVAILABLE', count: 3 }] },
    });
    expect(runs.filter(({ lane }) => lane === 0).map(({ seed }) => seed)).toEqual([1, 2, 3]);
  });

  it('tells what was measured when Ctrl-C stops it in a terminal', async () => {
    const file = path.join(folder(), 'stopped.json');
    const args = ['bench', ...lanes('Q8_0'), '--repetitions', '1000', '--report', file];
    const command = ['stty cols 120 rows 40; exec', process.execPath, MAIN, ...args].join(' ');
    const environment = { ...process.env, NO_COLOR: '1', XDG_DATA_HOME: folder() };
    // A terminal, so that the table lives and Ctrl-C is a key.
    const terminal = spawn('script', ['-qec', command, '/dev/null'], { env: environment });
    terminals.push(terminal);
    let shown = '';
    await new Promise<void>((resolve) => {
      terminal.stdout.on('data', (data: Buffer) => {
        shown += data.toString();
        if (/[4-9] of 4000/.test(shown)) resolve();
      });
    });
    terminal.stdin.write('\x03');
    const [code] = (await once(terminal, 'exit')) as [number];
    expect(code).toBe(1);
    expect(shown).toContain('Incomplete');
    const { incomplete, runs, lanes: told } = reportIn(readFileSync(file, 'utf8'));
    expect(incomplete).toMatch(/^\d+ of 4000 comparisons are whole: it was stopped\.$/);
    expect(told[0]!.summary.completed).toBeGreaterThanOrEqual(4);
    expect(runs).toHaveLength(told[0]!.summary.completed + told[0]!.summary.cancelled);
  });

  if (noBrowser !== null) it(`needs a browser: ${noBrowser}`, skipWithoutBrowser);
  else
    it('holds one file against itself, native and in a browser', async () => {
      const args = ['bench', ...lanes('Q8_0@llama-cpp', 'Q8_0@webgpu'), '--webgpu-headless'];
      const { stdout, stderr } = await mixgate([...args, '--repetitions', '1', '-n', '16', '--json']);
      expect(stderr).toBe('');
      const { lanes: told, schedules } = reportIn(stdout);
      expect(told.map(({ plan }) => plan!.backend)).toEqual(['llama-cpp', 'webgpu']);
      expect(told[1]!.summary).toMatchObject({ completed: 4, sameTextShare: 1 });
      expect(schedules).toMatchObject([{ taken: 'IN_TURN' }]);
    });

  it.each([
    ['set.jsonl: line 2: is no JSON', ['--prompts', 'set.jsonl', '--lane', DEMO]],
    ['nobody.jsonl cannot be read', ['--prompts', 'nobody.jsonl', '--lane', DEMO]],
    ['--report x.pdf: must end in', ['--report', 'x.pdf', '--lane', DEMO]],
    ['cannot be written', ['--report', 'nowhere/x.md', '--lane', DEMO]],
  ])('says %j', async (expected, args) => {
    writeFileSync(path.join(folder(), 'set.jsonl'), '{"prompt":"x"}\n{prompt}\n');
    const inFolder = args.map((each) => (each === 'set.jsonl' ? path.join(folder(), each) : each));
    const { code, stderr } = await mixgate(['bench', ...inFolder]);
    expect(code).toBeGreaterThan(0);
    expect(stderr).toContain(expected);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});

describe('mixgate compare', () => {
  it('writes the same reports', async () => {
    const file = path.join(folder(), 'compared.json');
    const ask = ['--prompt', UNICORN, '--temp', '0', '-n', '12', '--report', file];
    const { code } = await mixgate(['compare', `${DEMO}:Q2_K`, `${DEMO}:F16`, ...ask]);
    expect(code).toBe(0);
    expect(existsSync(file)).toBe(true);
    expect(reportIn(readFileSync(file, 'utf8'))).toMatchObject({
      ...{ kind: 'COMPARISON', incomplete: null, repetitions: 1, maxTokens: 12 },
      command: expect.stringContaining(`--prompt 'Alas, a wild unicorn`) as string,
      runs: [{ lane: 0, state: 'COMPLETED' }, { lane: 1 }],
    });
  });
});

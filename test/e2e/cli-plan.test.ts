import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Plan } from '../../src/routing/plan.ts';
import { writeReferenceGguf } from '../../tools/reference-models/write-gguf.ts';
import { runMixgate } from '../support/command.ts';
import { DEMO, GENERATE, MAIN, startGateway } from '../support/gateway.ts';

const MIXTRAL = 'mixtral-8x7b-instruct-v0.1';
const V100 = ['--vram', '16160MiB', '--bandwidth', '900GB/s', '--name', 'V100', '--ram', '64GiB'];

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'mixgate-cli-plan-'));
  for (const quantization of ['Q2_K', 'Q4_K_M'] as const)
    await writeReferenceGguf(
      path.join(folder, `mixtral.${quantization}.gguf`),
      'mixtral-8x7b',
      quantization,
      '2023',
    );
});
afterAll(() => rmSync(folder, { recursive: true }));

const mixgate = (args: readonly string[], environment: NodeJS.ProcessEnv = {}) =>
  runMixgate(args, { XDG_DATA_HOME: path.join(folder, 'data'), ...environment });

interface PlanDocument {
  readonly model: string;
  readonly chosen: Plan | null;
  readonly candidates: readonly Plan[];
}

async function planned(...args: string[]): Promise<PlanDocument> {
  const { code, stdout, stderr } = await mixgate(['plan', ...args, '--json']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as PlanDocument;
}

describe('mixgate plan', () => {
  it('tells the plan of the first model, the winner marked and first', async () => {
    const { code, stdout, stderr } = await mixgate(['plan']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [, head, , first] = stdout.split('\n');
    expect(head).toMatch(/quantization .* layers .* KV .* tokens\/s .* quality loss .* fits/);
    expect(first).toMatch(/│ ✓ │ Q6_K .* yes/);
    expect(stdout.match(/✓/g)).toHaveLength(1);
    expect(stdout).toContain('Fits in host memory');
  });

  it('prints every candidate as JSON', async () => {
    const { model, chosen, candidates } = await planned(DEMO, '-c', '512', '--slots', '2');
    expect(model).toBe(DEMO);
    expect(chosen).toEqual(candidates[0]);
    expect(chosen).toMatchObject({ fits: true, contextSize: 512, slots: 2, quantization: 'Q6_K' });
    expect(new Set(candidates.map(({ quantization }) => quantization)).size).toBe(5);
  });

  it.each([
    [19, '1.00 GiB kept as margin', []],
    [20, '0 MiB kept as margin', ['--device-margin', '0']],
  ])('puts %i layers of Mixtral on a V100 that is not there: %s', async (gpuLayers, reason, options) => {
    const args = ['--models-dir', folder, MIXTRAL, ...V100, '-q', 'Q4_K_M', ...options];
    const { chosen } = await planned(...args);
    expect(chosen).toMatchObject({ gpuLayers, totalLayers: 33, deviceName: 'V100', deviceKind: 'CUDA' });
    expect(chosen!.reasons.join(' ')).toContain(reason);
    const { stdout } = await mixgate(['plan', ...args]);
    expect(stdout).toContain(`${gpuLayers}/33`);
    expect(stdout).toContain(reason);
  });

  it('takes files as well as ids: one is pinned, several are variants of one model', async () => {
    const [q2, q4] = ['Q2_K', 'Q4_K_M'].map((each) => path.join(folder, `mixtral.${each}.gguf`)) as [
      string,
      string,
    ];
    const one = await planned(q2, ...V100);
    expect(one.candidates.map(({ quantization }) => quantization)).toEqual(['Q2_K']);
    const two = await planned(q2, q4, ...V100);
    expect(two.candidates.map(({ quantization }) => quantization).toSorted()).toEqual(['Q2_K', 'Q4_K_M']);
  });

  it('knows the speed of a named card and of a declared host, and of nothing else', async () => {
    const args = ['--models-dir', folder, MIXTRAL, '-q', 'Q4_K_M', '--vram', '16GiB', '--ram', '64GiB'];
    const speedOf = async (...more: string[]) =>
      (await planned(...args, ...more)).chosen!.decodeTokensPerSecond;
    expect(await speedOf()).toBeNull();
    const declared = await speedOf('--bandwidth', '0.9 TB/s', '--ram-bandwidth', '40GB/s');
    expect(declared).toBeGreaterThan(1);
    expect(await speedOf('--name', 'Tesla V100', '--ram-bandwidth', '40000000000')).toBe(declared);
  });

  it('ends with NO_PLAN_FITS and says of each candidate what it lacks', async () => {
    const args = ['plan', '--models-dir', folder, MIXTRAL, '--vram', '2GiB', '--ram', '1GiB'];
    const { code, stdout, stderr } = await mixgate(args);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^NO_PLAN_FITS .*Lacks/);
    expect(stdout).not.toContain('✓');
    expect(stdout).toMatch(/lacks [\d.]+ GiB host/);
    expect(stdout).toContain('Would fit with');
    expect(stdout).toMatch(/\d more do not fit; --all/);
    const json = await mixgate([...args, '--json']);
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({ chosen: null });
    const all = await mixgate([...args, '--all']);
    expect(all.stdout).not.toContain('--all');
    expect(all.stdout.length).toBeGreaterThan(stdout.length);
  });

  it.each([40, 100])('stays within a terminal of %i columns', async (width) => {
    const args = ['plan', '--models-dir', folder, MIXTRAL, ...V100, '--name', 'A card of a very long name'];
    const { stdout } = await mixgate(args, { COLUMNS: String(width) });
    const rows = stdout.split('\n').filter((row) => /^[┌│├└]/.test(row));
    expect(rows.length).toBe(4 + 2);
    expect(Math.max(...rows.map((row) => row.length))).toBeLessThanOrEqual(width);
    for (const column of ['quantization', 'layers', 'fits']) expect(rows[1]).toContain(column);
  });

  it.each([
    ['INVALID_INPUT', ['--vram', 'much']],
    ['INVALID_INPUT', ['--vram', '16GiB', '--bandwidth', '900GB']],
    ['INVALID_INPUT', ['--bandwidth', '900GB/s']],
    ['INVALID_INPUT', ['--vram', '16GiB', '--kind', 'abacus']],
    ['INVALID_INPUT', ['--vram', '16GiB', '--device', 'llama-cpp:cpu']],
    ['INVALID_INPUT', ['--device', 'nowhere']],
    ['INVALID_INPUT', ['--objective', 'cheap']],
    ['INVALID_INPUT', ['--slots', '0']],
    ['INVALID_INPUT', [DEMO, 'another']],
    ['CONTEXT_OVERFLOW', ['-c', '4096']],
    ['MODEL_NOT_FOUND', ['nobody']],
    ['VARIANT_NOT_AVAILABLE', ['-q', 'Q9']],
    ['VARIANT_NOT_AVAILABLE', [MAIN]],
  ])('ends with %s for %j', async (expected, options) => {
    const { code, stdout, stderr } = await mixgate(['plan', ...options]);
    expect(code).toBeGreaterThan(0);
    expect(stderr).toMatch(new RegExp(`^${expected} `));
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stdout).toBe('');
  });
});

describe('mixgate models', () => {
  it('lists the variants of every model, and logs what is none', async () => {
    writeFileSync(path.join(folder, 'broken.gguf'), 'GGUF');
    const { code, stdout, stderr } = await mixgate(['models', '--models-dir', folder]);
    rmSync(path.join(folder, 'broken.gguf'));
    expect(code).toBe(0);
    expect(stdout).toMatch(/mixtral-8x7b-instruct-v0\.1 .* Q4_K_M .* 46\.7B \(12\.9B\) .* 32768 .* 2 of 8/);
    expect(stdout).toContain(DEMO);
    expect(stderr).toMatch(/catalog\.rejected[^]*broken\.gguf/);
  });

  it('prints JSON', async () => {
    const { stdout } = await mixgate(['models', '--json']);
    const [model] = JSON.parse(stdout) as {
      id: string;
      variants: { quantization: string; path: string }[];
    }[];
    expect(model).toMatchObject({ id: DEMO, contextLength: 1024, experts: { count: 8, usedPerToken: 2 } });
    expect(model!.variants).toHaveLength(5);
  });
});

describe('mixgate doctor', () => {
  it('tells what the machine can run, and compares a load with its plan', async () => {
    const { code, stdout } = await mixgate(['doctor', '--gpu', 'off', '--port', '0']);
    expect(code).toBe(0);
    for (const part of [
      /✓ mixgate .* Node v/,
      /✓ Backend llama-cpp v/,
      /✓ CPU .* free of .* \(measured\)/,
      /! No GPU: --gpu off/,
      /✓ Margins: 1\.00 GiB of each GPU/,
      /✓ Disk of .*: .* free; pulled models take 0\.0 MiB/,
      /✓ History: .*history\.db is made when there is something to keep/,
      /✓ Port: any that is free/,
      /✓ tiny-mixtral.*: Q6_K on/,
      /✓ tiny-mixtral.* loaded on llama-cpp:cpu in \d+ ms: planned [\d.]+ MiB, verified .*, measured .*, error/,
    ])
      expect(stdout).toMatch(part);
    expect(stdout).not.toContain('✗');
  });

  it('prints JSON, and loads nothing when told so', async () => {
    const { code, stdout } = await mixgate(['doctor', '--json', '--no-load', '--models-dir', folder]);
    const { healthy, findings } = JSON.parse(stdout) as { healthy: boolean; findings: { about: string }[] };
    expect({ code, healthy }).toEqual({ code: 0, healthy: true });
    expect(findings.filter(({ about }) => about === 'MODEL')).toHaveLength(2);
    expect(findings.some(({ about }) => about === 'LOAD')).toBe(false);
  });

  it('says what to do about a port in use, a history that is away, and a Chromium that is none', async () => {
    const taken = net.createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as net.AddressInfo;
    const { code, stdout } = await mixgate([
      ...['doctor', '--gpu', 'off', '--no-load', '--log-level', 'silent', '--port', String(port)],
      ...[
        '--history-url',
        'postgres://somebody:secret@127.0.0.1:1/history',
        '--chromium',
        '/nowhere/chromium',
      ],
    ]);
    taken.close();
    expect(code).toBe(1);
    for (const part of [
      new RegExp(`! Port ${port} of 127\\.0\\.0\\.1 is in use\\.\n {2}→ .*--port`),
      /✗ The history cannot be used \(PostgreSQL, 127\.0\.0\.1:1\/history\): .*ECONNREFUSED.*\n {2}→ Start PostgreSQL/,
      /✗ No Chromium .*\n {2}→ \/nowhere\/chromium is no Chromium/,
    ])
      expect(stdout).toMatch(part);
    expect(stdout).not.toContain('secret');
  });

  it('tells schema and size of a history that is there, and the gateway that has the port', async () => {
    const dataDir = mkdtempSync(path.join(folder, 'kept-'));
    const gateway = await startGateway(['--gpu', 'off', '--data-dir', dataDir]);
    const { port } = new URL(gateway.url);
    const input = { model: DEMO, quantization: 'Q2_K', prompt: { text: 'a' }, maxTokens: 2 };
    await gateway.subscribe(GENERATE, { input });
    const flags = ['doctor', '--json', '--no-load', '--gpu', 'off', '--data-dir', dataDir, '--port', port];
    const findings = await vi.waitFor(
      async () => {
        const { code, stdout } = await mixgate(flags);
        const found = (JSON.parse(stdout) as { findings: { about: string; text: string; facts: object }[] })
          .findings;
        const history = found.find(({ about }) => about === 'HISTORY');
        expect(code).toBe(0);
        expect(history?.facts).toMatchObject({
          database: 'SQLite',
          usage: { generations: 1, comparisons: 0 },
        });
        expect((history!.facts as { schema: string }).schema).toMatch(/^\d{4}-/);
        return found;
      },
      { timeout: 15_000 },
    );
    await gateway.stop();
    expect(findings.find(({ about }) => about === 'PORT')?.text).toBe(`mixgate runs at ${gateway.url}`);
  });

  it('ends with 1 and says what to do when no backend is available', async () => {
    const noRunner = path.join(folder, 'no-runner.cjs');
    writeFileSync(noRunner, "if (process.argv[1]?.includes('runner')) process.exit(3);");
    const { code, stdout } = await mixgate(['doctor', '--log-level', 'silent'], {
      NODE_OPTIONS: `--require ${noRunner}`,
    });
    expect(code).toBe(1);
    expect(stdout).toMatch(/✗ Backend llama-cpp is unavailable\.\n {2}→ .*--log-level debug/);
    expect(stdout).toMatch(/! tiny-mixtral.* cannot run now: BACKEND_UNAVAILABLE/);
  });
});

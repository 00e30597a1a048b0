import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { runMixgate } from '../support/command.ts';
import { DEMO, UNICORN } from '../support/gateway.ts';

const mixgate = (...args: string[]) => runMixgate(args);

const F16 = path.resolve(import.meta.dirname, '../../models/demo/tiny-mixtral-8x2M.F16.gguf');
const ASK = ['--prompt', UNICORN, '--temp', '0', '--repeat-penalty', '1', '-n', '40'];

describe('mixgate compare', () => {
  it('shows texts with the first difference marked, and what was measured side by side', async () => {
    const { code, stdout, stderr } = await mixgate(
      'compare',
      `${DEMO}:Q2_K`,
      `${DEMO}:Q4_K_M@llama-cpp`,
      ...ASK,
    );
    expect(code).toBe(0);
    expect(stderr).toContain('in turn: Lanes 0 and 1 would share');
    expect(stdout.match(/▸/g)).toHaveLength(1);
    for (const part of [
      `${DEMO}:Q2_K`,
      'unicorn',
      'first token ms',
      'eval tok/s',
      'memory',
      'MiB',
      'J/token',
    ])
      expect(stdout).toContain(part);
    expect(stdout).toMatch(/token \d+, character \d+/);
    expect(stdout).toMatch(
      /Q4_K_M@llama-cpp parts from lane 0 at token \d+ after ".+": ".+" \d+ % \/ ".+" \d+ %\n/,
    );
  });

  it('takes files and devices, and prints JSON', async () => {
    const { code, stdout } = await mixgate(
      'compare',
      F16,
      `${DEMO}:F16@llama-cpp:cpu`,
      ...ASK,
      '-s',
      '7',
      '--json',
    );
    expect(code).toBe(0);
    const { schedule, lanes } = JSON.parse(stdout) as { schedule: object; lanes: { text: string }[] };
    expect(schedule).toMatchObject({ taken: 'IN_TURN' });
    expect(lanes).toMatchObject([
      { label: F16, state: 'COMPLETED', seed: 7, divergence: null, plan: { quantization: 'F16' } },
      {
        state: 'COMPLETED',
        seed: 7,
        divergence: { firstDifferentToken: null, commonPrefixChars: lanes[0]!.text.length },
        usage: { completionTokens: 40 },
        memoryBytes: expect.any(Number) as number,
      },
    ]);
  });

  it('runs lanes together where asked to', async () => {
    const lanes = [`${DEMO}:Q2_K`, `${DEMO}:Q8_0`, `${DEMO}:Q2_K`];
    const { code, stdout } = await mixgate('compare', ...lanes, '--schedule', 'together', ...ASK, '--json');
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as { schedule: object }).schedule).toMatchObject({ taken: 'TOGETHER' });
  });

  it.each([
    ['INVALID_INPUT', [`${DEMO}:Q2_K`, ...ASK]],
    ['INVALID_INPUT', [`${DEMO}:Q2_K`, `${DEMO}:F16`]],
    ['INVALID_INPUT', [`${DEMO}:Q2_K`, `${DEMO}:F16@abacus`, ...ASK]],
    ['INVALID_INPUT', [`${DEMO}:Q2_K`, `${DEMO}:F16`, '--schedule', 'never', ...ASK]],
    ['MODEL_NOT_FOUND', [`${DEMO}:Q2_K`, 'nobody', ...ASK]],
    ['VARIANT_NOT_AVAILABLE', [`${DEMO}:Q2_K`, `${DEMO}:Q9`, ...ASK]],
  ])('ends with %s for %j', async (expected, args) => {
    const { code, stderr } = await mixgate('compare', ...args);
    expect(code).toBeGreaterThan(0);
    expect(stderr).toContain(expected);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});

import { mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { runMixgate } from '../support/command.ts';
import { DEMO, GENERATE, MAIN, startGateway, UNICORN } from '../support/gateway.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'mixgate-cli-'));

const mixgate = (...args: string[]) => runMixgate(args);

describe('mixgate run', () => {
  it('streams the answer and closes with the table', async () => {
    const { code, stdout, stderr } = await mixgate(
      'run',
      '-q',
      'Q4_K_M',
      '--temp',
      '0',
      '--seed',
      '1',
      UNICORN,
    );
    expect(code).toBe(0);
    expect(stdout).toContain('unicorn');
    for (const stage of ['load', 'sample', 'prompt eval', 'eval', 'total', 'tokens per second'])
      expect(stderr).toContain(stage);
  });

  it('takes the options of llama.cpp and prints JSON', async () => {
    const options = [
      '-c',
      '256',
      '-ngl',
      '0',
      '-n',
      '5',
      '--repeat-penalty',
      '1.2',
      '-t',
      '1',
      '-s',
      '7',
      '--json',
    ];
    const { stdout } = await mixgate('run', ...options, UNICORN);
    expect(JSON.parse(stdout)).toMatchObject({
      state: 'COMPLETED',
      finishReason: 'MAX_TOKENS',
      seed: 7,
      plan: { contextSize: 256, gpuLayers: 0 },
      usage: { completionTokens: 5 },
    });
  });

  it.each([
    ['MODEL_NOT_FOUND', ['-m', 'nobody']],
    ['VARIANT_NOT_AVAILABLE', ['-q', 'Q9']],
    ['VARIANT_NOT_AVAILABLE', ['-m', MAIN]],
    ['CONTEXT_OVERFLOW', ['-c', '4096']],
    ['INVALID_INPUT', ['--temp', 'warm']],
    ['INVALID_INPUT', ['--threads', '0']],
    ['INVALID_INPUT', ['--no-such-option']],
  ])('ends with %s for %j', async (expected, options) => {
    const { code, stderr } = await mixgate('run', ...options, 'hi');
    expect(code).toBeGreaterThan(0);
    expect(stderr).toContain(expected);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});

describe('mixgate serve', () => {
  it('reports every mistake of a configuration file', async () => {
    const file = path.join(folder, 'config.yaml');
    writeFileSync(file, 'port: 99999\ngpu: abacus\nfavouriteColour: blue\n');
    const { code, stderr } = await mixgate('serve', '--config', file);
    expect(code).toBe(1);
    for (const mistake of ['port', 'gpu', 'favouriteColour']) expect(stderr).toContain(mistake);
    expect(stderr).toContain('3 mistakes');
  });

  it('takes options from the file, the environment and the flags, later over earlier', async () => {
    const file = path.join(folder, 'good.json');
    writeFileSync(file, JSON.stringify({ slots: 2, logLevel: 'error', host: '127.0.0.1' }));
    const gateway = await startGateway(['--config', file], { MIXGATE_SLOTS: '3' });
    const input = { model: DEMO, prompt: { text: 'hi' }, maxTokens: 1 };
    const events = await gateway.subscribe<'generate'>(GENERATE, { input });
    expect(events[0]!.generate.plan!.slots).toBe(3);
    expect(gateway.stderr()).not.toContain('catalog.scanned');
    expect(await gateway.stop()).toBe(0);
  });

  it('says what to do when the port is taken', async () => {
    const gateway = await startGateway();
    const { code, stderr } = await mixgate('serve', '--port', new URL(gateway.url).port);
    expect(code).toBe(1);
    expect(stderr).toMatch(/INVALID_INPUT.*in use.*--port/);
    expect(stderr).not.toMatch(/^\s+at /m);
    await gateway.stop();
  });

  it('tells a person where it listens, the devices, the plan and what to paste', async () => {
    const gateway = await startGateway();
    await expect.poll(() => gateway.stderr()).toContain('curl -N');
    for (const part of [gateway.url, 'CPU', 'Plan:', 'margin']) expect(gateway.stderr()).toContain(part);
    expect(await gateway.stop()).toBe(0);
  });
});

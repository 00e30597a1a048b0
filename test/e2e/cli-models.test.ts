import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runMixgate } from '../support/command.ts';
import { DEMO, MAIN, startGateway } from '../support/gateway.ts';
import { HubServer } from '../support/hub-server.ts';
import { HUB_MODEL, hubModel } from '../support/pulling.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const data = temporaryFolder();
let hub: HubServer;
beforeEach(async () => {
  hub = await HubServer.start({ 'tiny.Q2_K.gguf': hubModel('Q2_K'), 'tiny.Q4_K_M.gguf': hubModel('Q4_K_M') });
});
afterEach(() => hub.stop());

const argumentsOf = (args: string[]) => [...args, ...(args[0] === 'manifest' ? [] : ['--data-dir', data()])];

const mixgate = (...args: string[]) => runMixgate(argumentsOf(args), { HF_ENDPOINT: hub.url });

describe('mixgate pull, models and remove', () => {
  it('bring a model, list it with the disk it takes, and remove it', async () => {
    const pull = await mixgate('pull', 'hf:demo/tiny:all');
    expect(pull).toMatchObject({ code: 0, stdout: expect.stringContaining(`${HUB_MODEL}:Q2_K`) as string });
    expect(pull.stderr).toMatch(/queued[^]*completed 4\.9 MiB/);
    const models = await mixgate('models');
    expect(models.stdout).toContain(path.join(data(), 'models/demo/tiny'));
    expect(models.stdout).toMatch(/7 variants, [\d.]+ MiB\. Pulled: 4\.9 MiB; .* free on that disk\./);
    const vague = await mixgate('remove', HUB_MODEL);
    expect(vague).toMatchObject({ code: 1, stderr: expect.stringContaining('--all') as string });
    const removed = await mixgate('remove', `${HUB_MODEL}:q2_k`);
    expect(removed).toMatchObject({ code: 0, stdout: expect.stringContaining('2.0 MiB freed') as string });
    expect((await mixgate('remove', HUB_MODEL)).stdout).toContain('2.9 MiB freed');
    expect(existsSync(path.join(data(), 'models/demo'))).toBe(false);
    expect((await mixgate('remove', DEMO, '--all')).stderr).toContain('FORBIDDEN');
  });

  it('leave what a running gateway uses to that gateway', async () => {
    await mixgate('pull', 'hf:demo/tiny:Q2_K');
    const gateway = await startGateway(['--data-dir', data()]);
    try {
      await gateway.query(`mutation { loadModel(model: "${HUB_MODEL}", pinned: true) { id } }`);
      expect(await mixgate('remove', HUB_MODEL)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('IN_USE') as string,
      });
      const { stdout } = await mixgate('remove', HUB_MODEL, '--force', '--json');
      expect(JSON.parse(stdout)).toEqual([
        { id: `${HUB_MODEL}:Q2_K`, freedBytes: hub.files.get('tiny.Q2_K.gguf')!.length },
      ]);
    } finally {
      await gateway.stop();
    }
  });

  it('tell what fails, and exit with 1', async () => {
    hub.faults = { status: 403 };
    const { code, stdout } = await mixgate('pull', 'hf:demo/tiny:Q2_K');
    expect(code).toBe(1);
    expect(stdout).toContain('FORBIDDEN');
    expect(await mixgate('pull')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Give a source') as string,
    });
    const two = await mixgate('pull', 'hf:a/b', 'hf:a/c', '--sha256', 'a'.repeat(64));
    expect(two).toMatchObject({ code: 1, stderr: expect.stringContaining('one file') as string });
  });

  it('stop at Ctrl+C, keep what they have, and go on', async () => {
    hub.faults = { pauseMs: 30 };
    const child = spawn(process.execPath, [MAIN, ...argumentsOf(['pull', 'hf:demo/tiny:Q4_K_M'])], {
      env: { ...process.env, HF_ENDPOINT: hub.url },
    });
    let stdout = '';
    child.stdout.on('data', (text: Buffer) => (stdout += text.toString()));
    while (hub.rangesOf('tiny.Q4_K_M.gguf').length < 2) await delay(10);
    await delay(300);
    child.kill('SIGINT');
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(130);
    expect(stdout).toContain('goes on where it was');
    hub.faults = {};
    const { stdout: json } = await mixgate('pull', 'hf:demo/tiny:Q4_K_M', '--json');
    expect(JSON.parse(json)).toMatchObject([{ state: 'COMPLETED' }]);
  });

  it('plan a source before it is pulled', async () => {
    const { code, stdout } = await mixgate('plan', 'hf:demo/tiny', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ chosen: { quantization: 'Q4_K_M' }, candidates: [{}, {}] });
    expect(existsSync(path.join(data(), 'models/demo'))).toBe(false);
  });
});

describe('mixgate manifest', () => {
  it('prints the schema that is published, and checks a manifest', async () => {
    const schema = JSON.parse((await mixgate('manifest')).stdout) as { required: string[] };
    expect(schema.required).toEqual(['version', 'models']);
    const file = path.join(data(), 'm.yaml');
    writeFileSync(file, 'version: 1\nmodels: [{ source: "hf:demo/tiny:Q2_K", sampling: { topK: 20 } }]\n');
    expect((await mixgate('manifest', file)).stdout).toContain('1 models, no mistakes');
    expect((await mixgate('pull', '--manifest', file)).stdout).toContain(`${HUB_MODEL}:Q2_K`);
    writeFileSync(file, 'version: 1\nmodels: [{ source: 1 }]\n');
    const wrong = await mixgate('manifest', file);
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('models.0.source') as string });
  });
});

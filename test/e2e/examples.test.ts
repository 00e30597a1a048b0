import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { brokenNetwork } from '../support/broken-network.ts';
import { addKey, keyFileOf } from '../../src/access/key-file.ts';
import { ask } from '../support/asking.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { lastingFolder } from '../support/temporary-folder.ts';

const EXAMPLES = path.resolve(import.meta.dirname, '../../examples');
/** More than comes before the first token, less than the answer below takes on any transport. */
const MIDDLE_BYTES = 3000;
const ENDLESS = { jsonSchema: { type: 'array', minItems: 500, items: { type: 'integer' } } };

/** A program of examples/, as a person runs it. */
function run(name: string, url: string, flags: readonly string[]) {
  const program = path.join(EXAMPLES, `${name}.ts`);
  const child = spawn(process.execPath, ['--import', 'tsx', program, '--url', url, ...flags], {
    env: { ...process.env, MIXGATE_API_KEY: key },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return {
    child,
    untilText: once(child.stdout, 'data'),
    ended: once(child, 'close').then(([code]) => ({ code: code as number, stdout, stderr })),
  };
}

const folder = lastingFolder();
let gateway: TestGateway;
let key = '';
beforeAll(async () => {
  key = (await addKey(keyFileOf(folder()), { name: 'x', role: 'USER', expiresAt: null }, Date.now())).text;
  gateway = await startGateway(['--data-dir', folder()]);
});
afterAll(() => gateway.stop());

/** Of the generation whose id a program has printed. */
async function generationOf(stderr: string) {
  const id = /^([\w-]+) tiny-mixtral/m.exec(stderr)?.[1];
  const answer = await ask(gateway.url, `{ generation(id: "${id}") { state text } }`, key);
  const { data } = (await answer.json()) as { data: { generation: { state: string; text: string } } };
  return data.generation;
}

describe.each(['graphql-ws', 'apollo-client', 'urql', 'graphql-sse'])('examples/%s.ts', (name) => {
  it.concurrent('prints the whole answer once, though the connection is lost in its middle', async () => {
    const network = await brokenNetwork(Number(new URL(gateway.url).port));
    const dropped = network.dropAfter(MIDDLE_BYTES);
    const flags = ['--input', JSON.stringify({ ...ENDLESS, maxTokens: 500 })];
    const program = run(name, `${network.origin}/graphql`, flags);
    await dropped;
    const { code, stdout, stderr } = await program.ended;
    network.close();
    const { state, text } = await generationOf(stderr);
    expect(stderr).toContain('MAX_TOKENS');
    expect({ code, state }).toEqual({ code: 0, state: 'COMPLETED' });
    expect(text.length).toBeGreaterThan(100);
    expect(stdout).toBe(text);
  });

  it.concurrent('cancels with Ctrl+C', async () => {
    const program = run(name, gateway.url, ['--input', JSON.stringify(ENDLESS)]);
    await program.untilText;
    program.child.kill('SIGINT');
    const { code, stderr } = await program.ended;
    expect(stderr).toContain('cancelled');
    expect(code).toBe(130);
    expect(await generationOf(stderr)).toMatchObject({ state: 'CANCELLED' });
  });

  it.concurrent('tells that its key does not count', async () => {
    const { code, stdout, stderr } = await run(name, gateway.url, ['--key', 'nobodys']).ended;
    expect(stderr).toMatch(/^UNAUTHENTICATED /);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });

  it.concurrent('tells what the gateway refuses by its code', async () => {
    const { code, stdout, stderr } = await run(name, gateway.url, ['--model', 'nobody']).ended;
    expect(stderr).toMatch(/^MODEL_NOT_FOUND .*nobody/);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });
});

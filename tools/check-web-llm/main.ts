/** `npm run check:web-llm -- LIBRARY.wasm [--tokens 4] [--chromium PATH]`: a published library of MLC answers as it must. */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '../../src/errors.ts';
import { ANSWER_TOKENS, answerText } from './chain.ts';
import { startGateway, waitForAdapter, type Adapter } from './gateway.ts';
import { generate, type Answer, type Stage } from './generate.ts';
import { writeModel } from './write-model.ts';

const USAGE = `Usage: npm run check:web-llm -- LIBRARY.wasm [--tokens 1…${ANSWER_TOKENS}] [--chromium PATH]
LIBRARY.wasm is Qwen2-0.5B-Instruct-q4f32_1-ctx4k_cs1k-webgpu.wasm of web-llm's v0_2_48, from
https://github.com/mlc-ai/binary-mlc-llm-libs/tree/main/web-llm-models/v0_2_48.
`;
/** Of the gateway's log, shown when something fails. */
const LOG_LINES = 20;

interface Options {
  readonly library: string;
  readonly tokens: number;
  readonly chromium: string | null;
}

function optionsOf(args: readonly string[]): Options | null {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { tokens: { type: 'string', default: '4' }, chromium: { type: 'string' } },
    });
    const [library, ...others] = positionals;
    const tokens = Number(values.tokens);
    const isCount = Number.isInteger(tokens) && tokens >= 1 && tokens <= ANSWER_TOKENS;
    if (library === undefined || others.length > 0 || !isCount) return null;
    return { library, tokens, chromium: values.chromium ?? null };
  } catch {
    return null; // An option that is none: the usage says which there are.
  }
}

const started = performance.now();
const say = (progress: string): void => {
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stderr.write(`${seconds.padStart(6)} s  ${progress}\n`);
};

/** True where the text is the one that was known in advance. */
async function check({ library, tokens, chromium }: Options, signal: AbortSignal): Promise<boolean> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'mixgate-web-llm-'));
  const modelsFolder = path.join(folder, 'models');
  let log = '';
  try {
    await writeModel(modelsFolder, library);
    say('the model is written');
    const folders = ['--data-dir', path.join(folder, 'data'), '--models-dir', modelsFolder];
    const flags = [...folders, '--webgpu-headless', ...(chromium === null ? [] : ['--chromium', chromium])];
    const gateway = await startGateway(flags, (text) => (log += text), signal);
    try {
      const adapter = await waitForAdapter(gateway.url, signal);
      say(`a browser lends ${adapter.name}`);
      const asked = { device: adapter.id, maxTokens: tokens };
      return report(adapter, await generate(gateway.url, asked, say, signal), tokens);
    } finally {
      await gateway.stop();
    }
  } catch (error) {
    if (log !== '' && !signal.aborted)
      process.stderr.write(`${log.split('\n').slice(-LOG_LINES).join('\n')}\n`);
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function report(adapter: Adapter, answer: Answer, tokens: number): boolean {
  const expected = answerText(tokens);
  const isRight = answer.text === expected;
  const lines = [
    ['adapter', adapter.name],
    ['fallback', adapter.isFallback ? 'yes: it computes in software' : 'no'],
    ['load', `${(answer.loadMs / 1000).toFixed(1)} s`],
    ['prompt', describe(answer.prompt)],
    ['decode', describe(answer.decode)],
    ['text', `${JSON.stringify(answer.text)} (${answer.finishReason})`],
    ['check', isRight ? 'right' : `wrong: expected ${JSON.stringify(expected)}`],
  ] as const;
  for (const [name, value] of lines) process.stdout.write(`${name.padEnd(9)} ${value}\n`);
  return isRight;
}

const describe = ({ count, ms, tokensPerSecond }: Stage): string =>
  `${count} tokens in ${(ms / 1000).toFixed(2)} s: ${tokensPerSecond?.toPrecision(3) ?? '–'} tokens/s`;

const options = optionsOf(process.argv.slice(2));
if (options === null) {
  process.stderr.write(USAGE);
  process.exit(2);
}
const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.once(name, () => stop.abort(new Error(`Ended by ${name}.`)));
try {
  if (!(await check(options, stop.signal))) process.exitCode = 1;
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}

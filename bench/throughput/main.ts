import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Table from 'cli-table3';
import { writeNoiseGguf } from '../../tools/reference-models/write-noise.ts';
import { addedLatency } from './latency.ts';
import {
  bareNodeLlamaCpp,
  llamaBench,
  llamaServer,
  mixgate,
  tracedMixgate,
  type Contestant,
  type Job,
  type Round,
} from './contestants.ts';

/**
 * `npm run bench:throughput`: one thread, one model, 1, 4 and 16 generations side by side, of bare node-llama-cpp,
 * llama-bench, llama-server and mixgate over WebSocket. They take turns, round by round, so that a noisy machine is
 * noisy for all. llama-server and llama-bench are built from node-llama-cpp's own source (see bench/README.md) and
 * found through LLAMA_CPP_BIN; without it they are left out.
 */
const ROUNDS = Number(process.env['ROUNDS'] ?? 5);
const PARALLEL = (process.env['PARALLEL'] ?? '1,4,16').split(',').map(Number);
const demo = path.resolve(import.meta.dirname, '../../models/demo/tiny-mixtral-8x2M.Q4_K_M.gguf');
const folder = mkdtempSync(path.join(os.tmpdir(), 'mixgate-bench-'));
const synthetic = path.join(folder, 'bench-100m.F16.gguf');
const PROMPT = '[INST] Alas, a wild unicorn is approaching! As a llama, what should I do? [/INST]';

const models = {
  demo: { file: demo, id: 'tiny-mixtral-8x2m-instruct-demo', quantization: 'Q4_K_M', tokens: 128 },
  synthetic: { file: synthetic, id: 'bench-100m', quantization: 'F16', tokens: 48 },
} as const;

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;

async function contestants(job: Job, flags: readonly string[]): Promise<Contestant[]> {
  const folderOfPeers = process.env['LLAMA_CPP_BIN'];
  const peer = (name: string) => (folderOfPeers === undefined ? '' : path.join(folderOfPeers, name));
  return [
    await bareNodeLlamaCpp(job),
    ...(existsSync(peer('llama-bench')) && job.parallel === 1 ? [llamaBench(peer('llama-bench'), job)] : []),
    ...(existsSync(peer('llama-server')) ? [await llamaServer(peer('llama-server'), job)] : []),
    await mixgate(job, flags),
    await tracedMixgate(job, flags),
  ];
}

async function compete(name: keyof typeof models, parallel: number): Promise<void> {
  const { file, id, quantization, tokens } = models[name];
  const job = { model: file, variant: { model: id, quantization }, prompt: PROMPT, tokens, parallel };
  const flags = name === 'demo' ? [] : ['--models-dir', folder];
  const running = await contestants(job, flags);
  const rounds = new Map<string, Round[]>(running.map((each) => [each.name, []]));
  for (let round = -1; round < ROUNDS; round++)
    for (const contestant of running) {
      const result = await contestant.round(parallel);
      if (round >= 0) rounds.get(contestant.name)!.push(result);
    }
  for (const contestant of running) await contestant.close();
  print(`${name} model, ${parallel} at once`, rounds);
}

/** Of requests that wait for nobody. */
async function printLatency(): Promise<void> {
  const { file, id, quantization, tokens } = models.demo;
  const variant = { model: id, quantization };
  const gateway = await mixgate({ model: file, variant, prompt: PROMPT, tokens, parallel: 1 }, []);
  const { median: middle, p95 } = await addedLatency(gateway.client, variant);
  await gateway.close();
  process.stdout.write(
    `Added by the gateway to a request: ${middle.toFixed(2)} ms median, ${p95.toFixed(2)} ms p95\n`,
  );
}

const speed = ({ tokens, ms }: Round): number => (tokens * 1000) / ms;

function print(title: string, rounds: ReadonlyMap<string, readonly Round[]>): void {
  const bare = median(rounds.get('node-llama-cpp, bare')!.map(speed));
  const table = new Table({
    head: [title, 'tokens/s', '× bare', 'CPU ms per token', 'first token ms'],
    colAligns: ['left', 'right', 'right', 'right', 'right'],
  });
  for (const [name, each] of rounds) {
    const tokensPerSecond = median(each.map(speed));
    const cpu = each.flatMap(({ cpuMs, tokens }) => (cpuMs === null ? [] : [cpuMs / tokens]));
    const first = each.flatMap(({ firstTokenMs }) => firstTokenMs);
    const shown = (value: number) => (Number.isNaN(value) ? '–' : value.toFixed(2));
    table.push([
      name,
      tokensPerSecond.toFixed(0),
      (tokensPerSecond / bare).toFixed(2),
      shown(median(cpu)),
      shown(median(first)),
    ]);
  }
  process.stdout.write(`${table.toString()}\n`);
}

try {
  await writeNoiseGguf(synthetic, 'bench-100m');
  for (const name of Object.keys(models) as (keyof typeof models)[])
    for (const parallel of PARALLEL) await compete(name, parallel);
  await printLatency();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

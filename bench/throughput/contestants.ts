import { execFileSync, fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { createClient, type Client } from 'graphql-ws';
import WebSocket from 'ws';

/** One measured round: all requests of it side by side. */
export interface Round {
  readonly tokens: number;
  readonly ms: number;
  /** Processor time of everything that serves, its children included; null where it cannot be told. */
  readonly cpuMs: number | null;
  /** From the request to its first token, of each request; none where there is no request. */
  readonly firstTokenMs: readonly number[];
}

/** Something that generates tokens. */
export interface Contestant {
  readonly name: string;
  round(parallel: number): Promise<Round>;
  close(): Promise<void>;
}

export interface Job {
  /** The file, and under which names mixgate knows it. */
  readonly model: string;
  readonly variant: { readonly model: string; readonly quantization: string };
  readonly prompt: string;
  /** Tokens of each answer. */
  readonly tokens: number;
  readonly parallel: number;
}

const root = path.resolve(import.meta.dirname, '../..');

export async function bareNodeLlamaCpp({ model, prompt, tokens, parallel }: Job): Promise<Contestant> {
  const file = path.join(import.meta.dirname, 'bare.ts');
  const child = fork(file, [model, String(parallel), String(tokens)], {
    execArgv: ['--import', 'tsx'],
    env: { ...process.env, PROMPT: prompt },
  });
  await once(child, 'message');
  return {
    name: 'node-llama-cpp, bare',
    async round() {
      child.send('round');
      const [result] = (await once(child, 'message')) as [Omit<Round, 'firstTokenMs'>];
      return { ...result, firstTokenMs: [] };
    },
    close: () => end(child),
  };
}

/** llama-bench without sampling and without any server: what the kernels can do. */
export function llamaBench(binary: string, { model, tokens }: Job): Contestant {
  return {
    name: 'llama-bench (no sampling)',
    async round() {
      const output = execFileSync(binary, [
        '-m',
        model,
        '-p',
        '0',
        '-n',
        String(tokens),
        '-t',
        '1',
        '-ngl',
        '0',
        '-r',
        '3',
        '-o',
        'json',
      ]);
      const [{ avg_ts: perSecond }] = JSON.parse(output.toString()) as [{ avg_ts: number }];
      return { tokens, ms: (tokens * 1000) / perSecond, cpuMs: null, firstTokenMs: [] };
    },
    close: async () => undefined,
  };
}

export async function llamaServer(
  binary: string,
  { model, prompt, tokens, parallel }: Job,
): Promise<Contestant> {
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const context = String(512 * parallel);
  const child = spawn(
    binary,
    [
      '-m',
      model,
      '--port',
      String(port),
      '-t',
      '1',
      '-ngl',
      '0',
      '-np',
      String(parallel),
      '-c',
      context,
      '--no-warmup',
    ],
    { stdio: 'ignore' },
  );
  const url = `http://127.0.0.1:${port}`;
  while (
    !(await fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    ))
  )
    await setTimeout(50);
  const body = JSON.stringify({
    prompt,
    n_predict: tokens,
    stream: true,
    ignore_eos: true,
    cache_prompt: false,
    temperature: 0.7,
    top_k: 40,
    top_p: 0.95,
    min_p: 0.05,
    repeat_penalty: 1.1,
    seed: 1,
  });
  return {
    name: 'llama-server, SSE',
    round: (count) =>
      measured(child.pid!, count, async (onTokens) => {
        const response = await fetch(`${url}/completion`, { method: 'POST', body });
        let rest = '';
        for await (const data of response.body as unknown as AsyncIterable<Uint8Array>) {
          const lines = (rest + Buffer.from(data).toString()).split('\n\n');
          rest = lines.pop()!;
          onTokens(lines.filter((line) => line.includes('"stop":false')).length);
        }
      }),
    close: () => end(child),
  };
}

export async function mixgate(
  { variant, prompt, tokens, parallel }: Job,
  flags: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<Contestant & { readonly client: Client }> {
  const child = spawn(
    process.execPath,
    [
      path.join(root, 'dist/main.js'),
      'serve',
      '--port',
      '0',
      '--gpu',
      'off',
      '--threads',
      '1',
      '--slots',
      String(parallel),
      '--log-level',
      'error',
      ...flags,
    ],
    { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, ...environment } },
  );
  const url = await new Promise<string>((resolve) => {
    let output = '';
    child.stdout.on('data', (text: Buffer) => {
      const ready = /^ready (\S+)$/m.exec((output += text.toString()));
      if (ready?.[1] !== undefined) resolve(ready[1]);
    });
  });
  const client = createClient({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, lazy: false });
  const input = {
    ...variant,
    prompt: { text: prompt },
    contextSize: 512,
    maxTokens: tokens,
    sampling: { seed: 1 },
  };
  return {
    name: 'mixgate, WebSocket',
    client,
    round: (count) => measured(child.pid!, count, (onTokens) => generate(client, input, onTokens)),
    async close() {
      await client.dispose();
      await end(child);
    },
  };
}

/** The same, with every span of every generation sent to a collector, which throws them away. */
export async function tracedMixgate(job: Job, flags: readonly string[]): Promise<Contestant> {
  const collector = createServer((request, response) => {
    request.resume().once('end', () => response.writeHead(200).end());
  });
  collector.listen(0, '127.0.0.1');
  await once(collector, 'listening');
  const { port } = collector.address() as AddressInfo;
  const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` };
  const gateway = await mixgate(job, flags, environment);
  return {
    ...gateway,
    name: 'mixgate, WebSocket, traced',
    async close() {
      await gateway.close();
      collector.closeAllConnections();
      collector.close();
    },
  };
}

const QUERY = `subscription ($input: GenerateInput!) { generate(input: $input) {
  sequence ... on TokenChunk { text tokens } ... on GenerationFailed { error { message } } } }`;

function generate(client: Client, input: object, onTokens: (count: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    client.subscribe<{ generate: { tokens?: number; error?: { message: string } } }>(
      { query: QUERY, variables: { input } },
      {
        next: ({ data }) => {
          onTokens(data?.generate.tokens ?? 0);
          if (data?.generate.error) reject(new Error(data.generate.error.message));
        },
        error: reject,
        complete: resolve,
      },
    );
  });
}

async function measured(
  pid: number,
  parallel: number,
  request: (onTokens: (count: number) => void) => Promise<void>,
): Promise<Round> {
  const cpuBefore = cpuMsOf(pid);
  const startedAt = performance.now();
  const firstTokenMs: number[] = [];
  let tokens = 0;
  await Promise.all(
    Array.from({ length: parallel }, () => {
      let isFirst = true;
      return request((count) => {
        if (count === 0) return;
        tokens += count;
        if (isFirst) firstTokenMs.push(performance.now() - startedAt);
        isFirst = false;
      });
    }),
  );
  return {
    tokens,
    ms: performance.now() - startedAt,
    cpuMs: cpuMsOf(pid) - cpuBefore,
    firstTokenMs,
  };
}

/** Processor time of a process and of its living children, from /proc; Linux counts in hundredths of a second. */
function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  const own = (Number(fields[11]) + Number(fields[12])) * 10;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean);
  return children.reduce((sum, child) => sum + cpuMsOf(Number(child)), own);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createClient, type Client } from 'graphql-ws';
import WebSocket from 'ws';

export const MAIN = path.resolve(import.meta.dirname, '../../dist/main.js');
export const DEMO = 'tiny-mixtral-8x2m-instruct-demo';
export const UNICORN = 'Alas, a wild unicorn is approaching! As a llama, what should I do?';

/** A real gateway in a process of its own, as `mixgate serve` starts it. */
export interface TestGateway {
  readonly url: string;
  readonly process: ChildProcess;
  query<Data>(query: string, variables?: object): Promise<{ data: Data; errors?: GraphqlError[] }>;
  client(): Client;
  /** Events of a subscription until it completes; rejects with its errors. */
  subscribe<Field extends string>(query: string, variables?: object): Promise<Record<Field, TestEvent>[]>;
  /** Process ids of its runners. */
  runners(): Promise<number[]>;
  stderr(): string;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface GraphqlError {
  readonly message: string;
  readonly extensions: { readonly code: string; readonly [key: string]: unknown };
}

/** All fields any test asks for. */
export interface TestEvent {
  readonly __typename: string;
  readonly generationId: string;
  readonly firstSequence: number;
  readonly sequence: number;
  readonly text?: string;
  readonly tokens?: number;
  readonly finishReason?: string;
  readonly usage?: { promptTokens: number; cachedPromptTokens: number; completionTokens: number };
  readonly timings?: Record<string, number & { ms: number; count: number }>;
  readonly error?: { code: string; message: string; retryable: boolean; retryAfterMs?: number | null };
  readonly plan?: { variant: { quantization: string }; slots: number; contextSize: number };
}

export const EVENT_FIELDS = `__typename generationId firstSequence sequence
  ... on PlanChosen { plan { variant { quantization } slots contextSize } }
  ... on TokenChunk { text tokens }
  ... on GenerationCompleted { finishReason usage { promptTokens cachedPromptTokens completionTokens }
    timings { queueMs loadMs timeToFirstTokenMs totalMs sample { ms count } promptEval { ms count } eval { ms count } } }
  ... on GenerationFailed { error { code message retryable } }
  ... on GenerationCancelled { usage { promptTokens cachedPromptTokens completionTokens } }`;

export const GENERATE = `subscription ($input: GenerateInput!) { generate(input: $input) { ${EVENT_FIELDS} } }`;

/** Starts one; `flags` as on the command line, `launcher` a command that runs the command it is given. */
export async function startGateway(
  flags: string[] = [],
  environment: NodeJS.ProcessEnv = {},
  launcher: readonly string[] = [],
): Promise<TestGateway> {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'mixgate-test-'));
  const serve = [process.execPath, MAIN, 'serve', '--port', '0', '--data-dir', dataDir, ...flags];
  const [command = '', ...args] = [...launcher, ...serve];
  const child = spawn(command, args, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
  const url = await new Promise<string>((resolve, reject) => {
    let stdout = '';
    child.stdout.on('data', (text: Buffer) => {
      stdout += text.toString();
      const ready = /^ready (\S+)$/m.exec(stdout);
      if (ready?.[1] !== undefined) resolve(ready[1]);
    });
    child.once('exit', () => reject(new Error(`The gateway ended before it was ready: ${stderr}`)));
  });
  const client = () =>
    createClient({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, retryAttempts: 0 });
  return {
    url,
    process: child,
    client,
    query: (query, variables) => post(url, { query, variables }),
    async subscribe(query, variables) {
      const socket = client();
      try {
        return await collect(socket, query, variables);
      } finally {
        await socket.dispose();
      }
    },
    runners: () => childrenOf(child.pid!),
    stderr: () => stderr,
    async stop(signal = 'SIGTERM') {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      child.kill(signal);
      await once(child, 'exit');
      return child.exitCode;
    },
  };
}

export async function post<Data>(
  url: string,
  body: object,
): Promise<{ data: Data; errors?: GraphqlError[] }> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  return (await response.json()) as { data: Data; errors?: GraphqlError[] };
}

export function collect<Field extends string>(
  client: Client,
  query: string,
  variables: object = {},
  onEvent: (event: Record<Field, TestEvent>) => void = () => undefined,
): Promise<Record<Field, TestEvent>[]> {
  return new Promise((resolve, reject) => {
    const events: Record<Field, TestEvent>[] = [];
    client.subscribe<Record<Field, TestEvent>>(
      { query, variables: variables as Record<string, unknown> },
      {
        next: ({ data, errors }) => {
          if (errors !== undefined) reject(Object.assign(new Error(errors[0]?.message), { errors }));
          if (!data) return;
          events.push(data);
          onEvent(data);
        },
        error: (error) =>
          reject(error instanceof Error ? error : Object.assign(new Error('refused'), { errors: error })),
        complete: () => resolve(events),
      },
    );
  });
}

/** What a subscriber has read. */
export const textOf = (events: readonly TestEvent[]): string => events.map(({ text }) => text ?? '').join('');

async function childrenOf(pid: number): Promise<number[]> {
  const { readFile } = await import('node:fs/promises');
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return children.trim().split(' ').filter(Boolean).map(Number);
}

import type { Client } from 'graphql-ws';
import type { Command } from '../../src/protocol/frames.ts';
import type { TestGateway } from './gateway.ts';
import { WORKER_KEY } from './browser.ts';

const DEVICE = {
  type: 'device',
  id: 'register',
  runtimeVersion: 'none',
  mathCores: 1,
  devices: [
    {
      name: 'Liar',
      kind: 'CPU',
      count: 1,
      memoryTotalBytes: 2 ** 33,
      memoryFreeBytes: 2 ** 33,
      memorySource: 'DECLARED',
      formats: ['GGUF'],
    },
  ],
};

const COMMANDS = `subscription ($key: String!, $device: JSON, $worker: ID, $after: Int) {
  workerCommands(key: $key, device: $device, worker: $worker, after: $after) { worker commands } }`;
const REPORTS = `mutation ($key: String!, $worker: ID!, $first: Int!, $reports: JSON!, $seen: Int!) {
  workerReports(key: $key, worker: $worker, first: $first, reports: $reports, seen: $seen) }`;

/** A worker without a browser, that says what a test wants it to. */
export class LyingWorker {
  readonly #gateway: TestGateway;
  readonly #client: Client;
  readonly #commands: Command[] = [];
  id = '';
  #sent = 0;
  #seen = 0;

  constructor(gateway: TestGateway) {
    this.#gateway = gateway;
    this.#client = gateway.client();
  }

  /** Resolves when it is registered. */
  join(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.subscribe<{
        workerCommands: { worker: string; commands: { sequence: number; command: Command }[] };
      }>(
        { query: COMMANDS, variables: { key: WORKER_KEY, device: DEVICE } },
        {
          next: ({ data }) => {
            if (!data) return;
            this.id = data.workerCommands.worker;
            for (const { sequence, command } of data.workerCommands.commands) {
              this.#seen = sequence;
              this.#commands.push(command);
            }
            resolve();
          },
          error: reject,
          complete: () => undefined,
        },
      );
    });
  }

  /** The next command of a type, when it comes. */
  async command<Type extends Command['type']>(type: Type): Promise<Extract<Command, { type: Type }>> {
    for (;;) {
      const index = this.#commands.findIndex((command) => command.type === type);
      if (index !== -1) return this.#commands.splice(index, 1)[0] as Extract<Command, { type: Type }>;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Says that it has loaded whatever it is asked to. */
  async load(): Promise<void> {
    const { id, slots, contextSize } = await this.command('load');
    await this.report([{ type: 'loaded', id, contextSize, slots, verifiedBytes: null, measuredBytes: null }]);
  }

  async report(reports: object[], change: { first?: number; key?: string; worker?: string } = {}) {
    const { first = this.#sent + 1, key = WORKER_KEY, worker = this.id } = change;
    const answer = await this.#gateway.query<{ workerReports: number } | null>(REPORTS, {
      key,
      worker,
      first,
      reports,
      seen: this.#seen,
    });
    this.#sent = answer.data?.workerReports ?? this.#sent;
    return answer;
  }

  async leave(): Promise<void> {
    await this.#client.dispose();
  }
}

import { Worker } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';
import type { HistoryStore } from '../generation/history/history-store.ts';

export interface StoreCall {
  readonly id: number;
  readonly method: keyof HistoryStore;
  readonly args: readonly unknown[];
}

export type Reply =
  { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: string };

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

const METHODS: readonly (keyof HistoryStore)[] = [
  'save',
  'generation',
  'comparison',
  'evaluation',
  'generations',
  'comparisons',
  'evaluations',
  'variants',
  'judgements',
  'remove',
  'sweep',
  'usage',
  'schemaVersion',
  'close',
];

const ENTRY = fileURLToPath(new URL('./sqlite-worker.js', import.meta.url));

/** SQLite in a thread of its own; one that died is started again with the next call. @throws what SQLite says of the file */
export async function openSqliteThread(file: string, entry = ENTRY): Promise<HistoryStore> {
  const thread = new StoreThread(() => new Worker(entry, { workerData: { file } }));
  const store = thread.store();
  try {
    await store.variants([]);
    return store;
  } catch (error) {
    await thread.end();
    throw error;
  }
}

class StoreThread {
  readonly #spawn: () => Worker;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | null = null;
  #lastId = 0;

  constructor(spawn: () => Worker) {
    this.#spawn = spawn;
  }

  store(): HistoryStore {
    const call =
      (method: keyof HistoryStore) =>
      (...args: unknown[]) =>
        this.#call(method, args);
    return Object.fromEntries(METHODS.map((method) => [method, call(method)])) as unknown as HistoryStore;
  }

  async end(): Promise<void> {
    await this.#worker?.terminate();
  }

  #call(method: keyof HistoryStore, args: readonly unknown[]): Promise<unknown> {
    const worker = (this.#worker ??= this.#started());
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ id, method, args } satisfies StoreCall);
    });
  }

  #started(): Worker {
    const worker = this.#spawn();
    const ended = (error: Error) => {
      if (this.#worker !== worker) return;
      this.#worker = null;
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    };
    worker.on('message', (reply: Reply) => this.#answered(reply, worker));
    worker.on('error', ended);
    worker.on('exit', () => ended(new Error('The thread of the history database ended.')));
    return worker;
  }

  #answered(reply: Reply, worker: Worker): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    // It keeps the process alive only while somebody waits.
    if (this.#waiting.size === 0) worker.unref();
    if ('error' in reply) waiting?.reject(new Error(reply.error));
    else waiting?.resolve(reply.value);
  }
}

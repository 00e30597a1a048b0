import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../errors.ts';
import type { HistoryStore } from '../generation/history/history-store.ts';
import { openSqlite } from './sqlite.ts';
import type { Reply, StoreCall } from './sqlite-thread.ts';

/** The thread that SQLite blocks, so that no token waits for it. */

const port = parentPort!;
const { file } = workerData as { file: string };
const opened = openSqlite(file);
opened.catch(() => undefined); // Told to whoever asks first.

async function answer({ id, method, args }: StoreCall): Promise<Reply> {
  try {
    const store = await opened;
    const run = store[method].bind(store) as (...given: unknown[]) => Promise<unknown>;
    return { id, value: await run(...args) };
  } catch (error) {
    return { id, error: messageOf(error) };
  }
}

/** One after the other: there is one connection. */
let last: Promise<void> = Promise.resolve();
port.on('message', (call: StoreCall) => {
  last = last.then(async () => port.postMessage(await answer(call)));
  if (call.method === ('close' satisfies keyof HistoryStore)) last = last.then(() => port.close());
});

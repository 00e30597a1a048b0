import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Run } from '../report/schema.ts';

/**
 * Runs on disk, a line each: memory would not hold the answers of a long set. Lives until `dispose`; where the system
 * lets it, its file has no name, and goes with the process whatever happens.
 */
export class RunSpool {
  readonly #folder: string;
  readonly #handle: FileHandle;

  private constructor(folder: string, handle: FileHandle) {
    this.#folder = folder;
    this.#handle = handle;
  }

  static async create(): Promise<RunSpool> {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'mixgate-runs-'));
    const spool = new RunSpool(folder, await open(path.join(folder, 'runs.jsonl'), 'wx+', 0o600));
    await spool.#remove().catch(() => undefined);
    return spool;
  }

  async add(runs: readonly Run[]): Promise<void> {
    await this.#handle.appendFile(runs.map((run) => `${JSON.stringify(run)}\n`).join(''));
  }

  /** In the order they were added; as often as wanted, also at the same time. */
  async *read(): AsyncGenerator<Run> {
    let rest = '';
    const pieces = this.#handle.createReadStream({ encoding: 'utf8', start: 0, autoClose: false });
    for await (const piece of pieces) {
      // Not readline: it would also cut an answer at U+2028.
      const lines = `${rest}${piece as string}`.split('\n');
      rest = lines.pop()!;
      for (const line of lines) yield JSON.parse(line) as Run;
    }
  }

  async dispose(): Promise<void> {
    await this.#handle.close();
    await this.#remove();
  }

  #remove(): Promise<void> {
    return rm(this.#folder, { recursive: true, force: true });
  }
}

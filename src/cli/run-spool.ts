import { createReadStream } from 'node:fs';
import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Run } from '../report/schema.ts';

/** Runs on disk, a line each: memory would not hold the answers of a long set. Lives until `dispose`. */
export class RunSpool {
  readonly #folder: string;
  readonly #handle: FileHandle;

  private constructor(folder: string, handle: FileHandle) {
    this.#folder = folder;
    this.#handle = handle;
  }

  static async create(): Promise<RunSpool> {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'mixgate-runs-'));
    return new RunSpool(folder, await open(path.join(folder, 'runs.jsonl'), 'a'));
  }

  async add(runs: readonly Run[]): Promise<void> {
    await this.#handle.appendFile(runs.map((run) => `${JSON.stringify(run)}\n`).join(''));
  }

  /** In the order they were added; as often as wanted. */
  async *read(): AsyncGenerator<Run> {
    let rest = '';
    for await (const piece of createReadStream(path.join(this.#folder, 'runs.jsonl'), 'utf8')) {
      // Not readline: it would also cut an answer at U+2028.
      const lines = `${rest}${piece as string}`.split('\n');
      rest = lines.pop()!;
      for (const line of lines) yield JSON.parse(line) as Run;
    }
  }

  async dispose(): Promise<void> {
    await this.#handle.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

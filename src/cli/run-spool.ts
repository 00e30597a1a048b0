import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import type { Run } from '../report/schema.ts';

const PIECE_BYTES = 2 ** 16;

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
    // No stream of the handle: one that is left early closes it for the others. No readline: it cuts at U+2028, too.
    const decoder = new StringDecoder('utf8');
    const buffer = Buffer.alloc(PIECE_BYTES);
    let [rest, position] = ['', 0];
    while (true) {
      const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      const lines = `${rest}${decoder.write(buffer.subarray(0, bytesRead))}`.split('\n');
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

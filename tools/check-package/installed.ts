import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const exec = promisify(execFile);
const READY = /^ready (\S+)$/m;
const MAX_OUTPUT_BYTES = 64 * 2 ** 20;

/** mixgate in a folder that knows nothing but its tarball. */
export class Installed {
  readonly #folder: string;
  readonly #environment: NodeJS.ProcessEnv;

  private constructor(folder: string) {
    this.#folder = folder;
    const { PATH, HOME, CHROMIUM } = process.env;
    // Nothing of the checkout, nor of the npm script that runs this.
    const dataDir = path.join(folder, 'data');
    this.#environment = { PATH, HOME, MIXGATE_DATA_DIR: dataDir, ...(CHROMIUM && { CHROMIUM }) };
  }

  static async install(tarball: string, folder: string): Promise<Installed> {
    await mkdir(folder);
    await writeFile(path.join(folder, 'package.json'), '{ "private": true }');
    const installed = new Installed(folder);
    await installed.#run('npm', [
      'install',
      '--omit=dev',
      '--prefer-offline',
      '--no-audit',
      '--no-fund',
      tarball,
    ]);
    return installed;
  }

  get packageFolder(): string {
    return path.join(this.#folder, 'node_modules', 'mixgate');
  }

  /** What `npx mixgate …` prints. @throws where it does not exit with 0 */
  async npx(...args: string[]): Promise<string> {
    return this.#run('npx', ['--no', '--', 'mixgate', ...args]);
  }

  /** Starts the gateway as its own process: npx hands no signal on. */
  async serve(...flags: string[]) {
    const bin = path.join(this.#folder, 'node_modules', '.bin', 'mixgate');
    const child = spawn(bin, ['serve', '--port', '0', ...flags], {
      cwd: this.#folder,
      env: this.#environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
    const exited = once(child, 'exit').then(([code]) => code as number | null);
    const ready = new Promise<string>((resolve) => {
      let output = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        const url = READY.exec((output += text))?.[1];
        if (url !== undefined) resolve(url);
      });
    });
    const url = await Promise.race([ready, exited.then(() => null)]);
    if (url === null) throw new Error(`The gateway ended before it was ready: ${log}`);
    return {
      url,
      /** Its exit code after SIGTERM. */
      stop: (): Promise<number | null> => (child.kill(), exited),
    };
  }

  async #run(command: string, args: readonly string[]): Promise<string> {
    const { stdout } = await exec(command, args, {
      cwd: this.#folder,
      env: this.#environment,
      maxBuffer: MAX_OUTPUT_BYTES,
    });
    return stdout;
  }
}

import { mkdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { MixgateError, messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { inspectLibrary } from './mlc-library.ts';
import { readBytes, refuse, type Http } from './pull/http.ts';

export interface ModelLibrariesOptions {
  /** Where they are kept. */
  readonly folder: string;
  readonly http: Http;
  readonly log: Log;
}

export interface KeptLibrary {
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
}

const MAX_BYTES = 64 * 2 ** 20;

/** Model libraries that web-llm's own list names, fetched once by the gateway: browsers load nothing from elsewhere. */
export class ModelLibraries {
  readonly #options: ModelLibrariesOptions;
  /** By address: under way. */
  readonly #fetching = new Map<string, Promise<void>>();

  constructor(options: ModelLibrariesOptions) {
    this.#options = options;
  }

  /**
   * @throws BACKEND_UNAVAILABLE where it cannot be had, and says where to put it by hand (into `weightsFolder`);
   * VARIANT_NOT_AVAILABLE for what is no library
   */
  async get(url: URL, weightsFolder: string, signal?: AbortSignal): Promise<KeptLibrary> {
    const name = path.posix.basename(url.pathname);
    const version = url.pathname
      .split('/')
      .slice(-3, -1)
      .join('_')
      .replaceAll(/[^\w.-]/g, '_');
    const file = path.join(this.#options.folder, version, name);
    if ((await stat(file).catch(() => null)) === null) {
      const fetching = this.#fetching.get(url.href) ?? this.#start(url, file);
      await fetching.catch((error: unknown) => {
        signal?.throwIfAborted();
        throw new MixgateError(
          'BACKEND_UNAVAILABLE',
          `The model library cannot be fetched: ${messageOf(error)} Where there is no internet, put ${name} from ${url.href} into ${weightsFolder}.`,
          { url: url.href },
        );
      });
    }
    const { problem } = await inspectLibrary(file);
    if (problem !== null) {
      // Another answer may come another time.
      await rm(file, { force: true });
      throw new MixgateError('VARIANT_NOT_AVAILABLE', problem);
    }
    return { name, path: file, sizeBytes: (await stat(file)).size };
  }

  #start(url: URL, file: string): Promise<void> {
    const fetching = this.#fetch(url, file).finally(() => this.#fetching.delete(url.href));
    this.#fetching.set(url.href, fetching);
    return fetching;
  }

  async #fetch(url: URL, file: string): Promise<void> {
    const { http, log } = this.#options;
    const answer = await http.get(url, {}, AbortSignal.timeout(120_000));
    if (answer.status !== 200) {
      answer.body.destroy();
      refuse(url, answer.status);
    }
    const content = await readBytes(answer, url, MAX_BYTES);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFileAtomic(file, content);
    log.info('library.fetched', { url: url.href, bytes: content.length });
  }
}

import { createHmac } from 'node:crypto';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';

interface FolderFile {
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

interface PublishedFolder<Interface> {
  readonly files: readonly FolderFile[];
  /** Name of the model library among them. */
  readonly library: string;
  readonly interface: Interface;
}

interface Folder {
  readonly files: ReadonlyMap<string, FolderFile>;
  /** How many are loading from it. */
  uses: number;
}

const YEAR_S = 365 * 24 * 3600;

/**
 * Folders of MLC weights that browsers may fetch for a while, laid out as web-llm asks for them. The address follows
 * from the content, so that a browser's cache holds for as long as the weights stay the same; without the secret nobody
 * can guess it.
 */
export class PublishedFolders {
  readonly #secret: string;
  /** By token. */
  readonly #folders = new Map<string, Folder>();

  constructor(secret: string) {
    this.#secret = secret;
  }

  publish<Interface>({ files, library, ...rest }: PublishedFolder<Interface>) {
    const hmac = createHmac('sha256', this.#secret);
    for (const { name, sha256 } of files) hmac.update(`${name}\0${sha256}\0`);
    const token = hmac.digest('base64url');
    const folder = this.#folders.get(token) ?? {
      files: new Map(files.map((each) => [each.name, each])),
      uses: 0,
    };
    folder.uses++;
    this.#folders.set(token, folder);
    const base = `/mlc/${token}/resolve/main/`;
    return {
      files: files.map(({ name, sizeBytes, sha256 }) => ({
        url: base + encodeURIComponent(name),
        sizeBytes,
        sha256,
      })),
      mlc: { model: base, library: base + encodeURIComponent(library), interface: rest.interface },
      withdraw: () => {
        if (--folder.uses === 0) this.#folders.delete(token);
      },
    };
  }

  find(token: string, name: string): FolderFile | null {
    return this.#folders.get(token)?.files.get(name) ?? null;
  }
}

/** `/mlc/TOKEN/resolve/main/NAME`, with ranges; it never changes. */
export function foldersRoute(app: FastifyInstance, folders: PublishedFolders): void {
  app.get<{ Params: { token: string; name: string } }>(
    '/mlc/:token/resolve/main/:name',
    ({ params: { token, name } }, reply) => {
      const file = folders.find(token, name);
      if (file === null) return reply.callNotFound();
      void reply.header('cache-control', `private, max-age=${YEAR_S}, immutable`);
      void reply.header('x-content-type-options', 'nosniff');
      return reply.sendFile(path.basename(file.path), path.dirname(file.path), {
        dotfiles: 'allow',
        cacheControl: false,
      });
    },
  );
}

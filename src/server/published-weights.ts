import { createHmac } from 'node:crypto';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';
import { sendComposed, type ComposedFile } from './composed-file.ts';

/** As it is on the disk, or composed from what is there; under the file's own name where none is given. */
type PublishedFile =
  { readonly name?: string; readonly path: string; readonly sizeBytes: number } | ComposedFile;

interface Published {
  /** By name. */
  readonly files: ReadonlyMap<string, PublishedFile>;
  /** How many are loading from it. */
  uses: number;
}

const YEAR_S = 365 * 24 * 3600;

/**
 * Weights that browsers may fetch for a while, laid out as web-llm asks for them. The address follows from what the
 * weights are, so that what a browser keeps holds for as long as they stay the same; without the secret nobody can
 * guess it.
 */
export class PublishedWeights {
  readonly #secret: string;
  /** By token. */
  readonly #published = new Map<string, Published>();

  constructor(secret: string) {
    this.#secret = secret;
  }

  /** `identity` is another whenever a file is. */
  publish(files: readonly PublishedFile[], identity: string) {
    const token = createHmac('sha256', this.#secret).update(identity).digest('base64url');
    const published = this.#published.get(token) ?? {
      files: new Map(files.map((file) => [nameOf(file), file])),
      uses: 0,
    };
    published.uses++;
    this.#published.set(token, published);
    return {
      /** Of a file by its name. */
      urlOf: (name: string) => `/weights/${token}/resolve/main/${encodeURIComponent(name)}`,
      files: files.map((file) => ({
        url: `/weights/${token}/resolve/main/${encodeURIComponent(nameOf(file))}`,
        sizeBytes: file.sizeBytes,
      })),
      withdraw: () => {
        if (--published.uses === 0) this.#published.delete(token);
      },
    };
  }

  find(token: string, name: string): PublishedFile | null {
    return this.#published.get(token)?.files.get(name) ?? null;
  }
}

const nameOf = (file: PublishedFile): string =>
  'segments' in file ? file.name : (file.name ?? path.basename(file.path));

/** `/weights/TOKEN/resolve/main/NAME`, with ranges; what is there never changes. */
export function weightsRoute(app: FastifyInstance, weights: PublishedWeights): void {
  app.get<{ Params: { token: string; name: string } }>(
    '/weights/:token/resolve/main/:name',
    (request, reply) => {
      const file = weights.find(request.params.token, request.params.name);
      if (file === null) return reply.callNotFound();
      void reply.header('cache-control', `private, max-age=${YEAR_S}, immutable`);
      if ('segments' in file) return sendComposed(file, request, reply);
      return reply.sendFile(path.basename(file.path), path.dirname(file.path), {
        dotfiles: 'allow',
        cacheControl: false,
      });
    },
  );
}

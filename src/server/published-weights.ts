import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';
import { sendComposed, type ComposedFile } from './composed-file.ts';

/** As it is on the disk, or composed from what is there. */
type PublishedFile = { readonly path: string; readonly sizeBytes: number } | ComposedFile;

/** Files that browsers may fetch for a while, each under an address that nobody can guess. */
export class PublishedWeights {
  /** By token. */
  readonly #files = new Map<string, PublishedFile>();

  publish(files: readonly PublishedFile[]) {
    const tokens = files.map(() => randomUUID());
    tokens.forEach((token, index) => this.#files.set(token, files[index]!));
    return {
      files: files.map((file, index) => ({
        url: `/weights/${tokens[index]}/${encodeURIComponent(nameOf(file))}`,
        sizeBytes: file.sizeBytes,
      })),
      withdraw: () => tokens.forEach((token) => this.#files.delete(token)),
    };
  }

  find(token: string): PublishedFile | null {
    return this.#files.get(token) ?? null;
  }
}

const nameOf = (file: PublishedFile): string => ('path' in file ? path.basename(file.path) : file.name);

/** `/weights/TOKEN/NAME`, with ranges. */
export function weightsRoute(app: FastifyInstance, weights: PublishedWeights): void {
  app.get<{ Params: { token: string } }>('/weights/:token/:name', (request, reply) => {
    const file = weights.find(request.params.token);
    if (file === null) return reply.callNotFound();
    // The address holds for a moment.
    void reply.header('cache-control', 'no-store');
    if ('segments' in file) return sendComposed(file, request, reply);
    return reply.sendFile(path.basename(file.path), path.dirname(file.path), {
      dotfiles: 'allow',
      cacheControl: false,
    });
  });
}

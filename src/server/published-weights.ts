import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';

/** Files that browsers may fetch for a while, each under an address that nobody can guess. */
export class PublishedWeights {
  /** By token. */
  readonly #files = new Map<string, string>();

  publish(files: readonly { readonly path: string; readonly sizeBytes: number }[]) {
    const tokens = files.map(() => randomUUID());
    tokens.forEach((token, index) => this.#files.set(token, files[index]!.path));
    return {
      files: files.map(({ path: file, sizeBytes }, index) => ({
        url: `/weights/${tokens[index]}/${encodeURIComponent(path.basename(file))}`,
        sizeBytes,
      })),
      withdraw: () => tokens.forEach((token) => this.#files.delete(token)),
    };
  }

  find(token: string): string | null {
    return this.#files.get(token) ?? null;
  }
}

/** `/weights/TOKEN/NAME`, with ranges. */
export function weightsRoute(app: FastifyInstance, weights: PublishedWeights): void {
  app.get<{ Params: { token: string } }>('/weights/:token/:name', (request, reply) => {
    const file = weights.find(request.params.token);
    if (file === null) return reply.callNotFound();
    // The address holds for a moment.
    void reply.header('cache-control', 'no-store');
    return reply.sendFile(path.basename(file), path.dirname(file), {
      dotfiles: 'allow',
      cacheControl: false,
    });
  });
}

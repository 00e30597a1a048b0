import { existsSync } from 'node:fs';
import path from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

/** As strict as the engines allow: WebAssembly is compiled, and wllama starts its worker from a blob. */
const POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const YEAR_S = 365 * 24 * 3600;

/** The browser worker at `/worker`, from the folder that Vite built. */
export async function servePages(app: FastifyInstance, folder: string): Promise<void> {
  await app.register(fastifyStatic, {
    root: existsSync(folder) ? folder : [],
    prefix: '/worker/',
    serve: existsSync(folder),
    setHeaders: (response, file) => {
      response.header('x-content-type-options', 'nosniff');
      const name = path.relative(folder, file);
      // Weights go the same way; their routes say how long they may be kept.
      if (name.startsWith('..')) return;
      response.header('content-security-policy', POLICY);
      response.header('referrer-policy', 'no-referrer');
      // Threads of WebAssembly need a page of its own.
      response.header('cross-origin-opener-policy', 'same-origin');
      response.header('cross-origin-embedder-policy', 'require-corp');
      // Names of assets carry a hash of their content.
      if (name.startsWith(`assets${path.sep}`))
        response.header('cache-control', `public, max-age=${YEAR_S}, immutable`);
    },
  });
  app.get('/worker', (_request, reply) => reply.redirect('/worker/'));
}

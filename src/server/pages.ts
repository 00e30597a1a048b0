import { existsSync } from 'node:fs';
import path from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

/** As strict as the engines allow: WebAssembly is compiled, and wllama starts its worker from a blob. */
const WORKER_POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  // The dashboard embeds it, so that lending goes on while somebody looks at other pages.
  "frame-ancestors 'self'",
].join('; ');

/** What models write and gateways answer is shown there: nothing of it may ever become script. */
const dashboardPolicy = (issuer: string | null): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    // Where people sign in by themselves, the page fetches their tokens.
    `connect-src 'self'${issuer === null ? '' : ` ${new URL(issuer).origin}`}`,
    "frame-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');

/** The pages that the dashboard's own router knows; any other address stays 404. */
const DASHBOARD_PAGES = [
  ...['/', '/compare', '/compare/:id', '/history', '/history/:id'],
  ...['/devices', '/models', '/lend', '/api'],
  '/signed-in',
];

/** Whoever opens the API's address in a browser wants to see it: the dashboard has it, with examples. */
const EXPLORER = '/api';

const YEAR_S = 365 * 24 * 3600;

/** The browser worker at `/worker` and the dashboard at `/`, from the folders that Vite built in `folder`. */
export async function servePages(app: FastifyInstance, folder: string, issuer: string | null): Promise<void> {
  const worker = path.join(folder, 'worker');
  await app.register(fastifyStatic, {
    // Weights are sent through it too, where no page was built.
    root: existsSync(worker) ? worker : import.meta.dirname,
    prefix: '/worker/',
    serve: existsSync(worker),
    setHeaders: (response, file) => setHeaders(response, path.relative(worker, file), WORKER_POLICY),
  });
  app.get('/worker', (_request, reply) => reply.redirect('/worker/'));
  await serveDashboard(app, path.join(folder, 'dashboard'), dashboardPolicy(issuer));
}

async function serveDashboard(app: FastifyInstance, folder: string, policy: string): Promise<void> {
  if (!existsSync(folder)) return;
  app.addHook('onRequest', async ({ method, url, headers: { accept } }, reply) => {
    if (method !== 'GET' || url !== '/graphql' || accept?.includes('text/html') !== true) return;
    return reply.redirect(EXPLORER);
  });
  await app.register(fastifyStatic, {
    root: path.join(folder, 'assets'),
    prefix: '/assets/',
    decorateReply: false,
    index: false,
    setHeaders: (response, file) => setHeaders(response, path.relative(folder, file), policy),
  });
  for (const page of DASHBOARD_PAGES)
    app.get(page, (_request, reply) => {
      setHeaders({ header: (name, value) => void reply.header(name, value) }, 'index.html', policy);
      // An old page would name assets that are no more.
      return reply
        .header('cache-control', 'no-cache')
        .sendFile('index.html', folder, { cacheControl: false });
    });
}

interface Headers {
  header(name: string, value: string): unknown;
}

function setHeaders(response: Headers, name: string, policy: string): void {
  // Weights go the same way; their routes say how long they may be kept.
  if (name.startsWith('..')) return;
  response.header('content-security-policy', policy);
  // Names of assets carry a hash of their content.
  if (name.startsWith(`assets${path.sep}`))
    response.header('cache-control', `public, max-age=${YEAR_S}, immutable`);
}

import type { IncomingMessage } from 'node:http';
import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import type { FastifyInstance } from 'fastify';
import type { Misplaced, Origins } from './origins.ts';
import type { PublicErrors } from './public-error.ts';

/** How long a client may take to send the head of a request, and all of it, milliseconds. */
export const PATIENCE = {
  headersTimeout: 20_000,
  requestTimeout: 120_000,
  connectionsCheckingInterval: 5000,
};
const PREFLIGHT_S = 600;
/** What no page of ours needs. */
const DENIED = [
  'camera',
  'display-capture',
  'geolocation',
  'hid',
  'microphone',
  'midi',
  'payment',
  'serial',
  'usb',
];
const PERMISSIONS = DENIED.map((feature) => `${feature}=()`).join(', ');

export interface ProtectionOptions {
  readonly origins: Origins;
  readonly allowedOrigins: readonly string[];
  readonly errors: PublicErrors;
}

/** Headers of every answer, CORS for the origins that are allowed, and refusals of what comes from elsewhere. */
export async function protect(app: FastifyInstance, options: ProtectionOptions): Promise<void> {
  const { origins, allowedOrigins, errors } = options;
  await app.register(helmet, {
    // Of what is no page; pages have policies of their own.
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    // Threads of WebAssembly need a page of its own, and so does every page that embeds it.
    crossOriginEmbedderPolicy: { policy: 'require-corp' },
    // Whoever encrypts says for how long: the reverse proxy.
    strictTransportSecurity: false,
  });
  app.addHook('onRequest', async ({ raw, id }, reply) => {
    reply.raw.setHeader('permissions-policy', PERMISSIONS);
    const misplaced = misplacedOf(raw, origins);
    if (misplaced === null) return;
    return reply.code(misplaced.status).send({ errors: [errors.format(misplaced.error, id)] });
  });
  if (allowedOrigins.length === 0) return;
  await app.register(cors, {
    origin: [...allowedOrigins],
    methods: ['GET', 'POST'],
    exposedHeaders: ['x-request-id', 'retry-after'],
    maxAge: PREFLIGHT_S,
  });
}

/** Why a request, or what is to become a WebSocket, is not let in; null where it is. */
export function misplacedOf(request: IncomingMessage, origins: Origins): Misplaced | null {
  const misplaced = origins.misplacedHost(request);
  if (misplaced !== null) return misplaced;
  const [path = ''] = request.url?.split('?') ?? [];
  if (path !== '/graphql' && path !== '/graphql/stream') return null;
  // What a GET of /graphql may ask is Apollo's to say: queries, and only with a header that no page can send.
  const starts = path === '/graphql/stream' && request.method === 'GET';
  return origins.misplacedOrigin(request) ?? (starts ? origins.misplacedGet(request) : null);
}

import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Access } from '../access/access.ts';
import type { Caller } from '../access/caller.ts';
import { MixgateError } from '../errors.ts';
import type { RateLimit } from '../limits/rate-limit.ts';
import type { Log } from '../log.ts';
import type { Metrics } from './metrics.ts';
import { boundUnknownBodies } from './unknown-body.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; of routes that ask who it is. */
    caller: Caller;
  }
}

/**
 * Where nobody is asked who he is, a client that speaks for several callers names the one it asks for with this header,
 * or with `callerId` of connection_init.
 */
const HEADER = 'x-mixgate-caller';
const MAX_LENGTH = 128;
/** Everything else is the same for everyone: pages, their files, and weights whose address is a secret. */
const ASKING = new Set(['/graphql', '/graphql/stream', '/metrics', '/health/ready']);

export interface CallersOptions {
  readonly access: Access;
  /** By address. */
  readonly failedSignIns: RateLimit;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** Of a WebSocket. */
export interface SocketOrigin {
  readonly id: string;
  readonly address: string;
  /** Of the request that became the socket. */
  readonly headers: IncomingHttpHeaders;
}

/** Finds out who asks, by what a transport brings along. */
export class Callers {
  readonly #options: CallersOptions;

  constructor(options: CallersOptions) {
    this.#options = options;
  }

  /** Before anything of a request is read but its headers. */
  identifyRequests(app: FastifyInstance): void {
    app.decorateRequest('caller');
    app.addHook('onRequest', async (request) => {
      if (ASKING.has(request.routeOptions.url ?? '')) request.caller = await this.#ofRequest(request);
    });
    boundUnknownBodies(app);
    // A body may take its time, and a key be revoked meanwhile.
    app.addHook('preHandler', async ({ caller, routeOptions }) => {
      if (ASKING.has(routeOptions.url ?? '')) this.#options.access.confirm(caller);
    });
  }

  /** Whom a WebSocket is of: `connectionParams` first, as browsers can set no header. @throws as `Access.authenticate` */
  async ofSocket(
    connectionParams: Readonly<Record<string, unknown>> | undefined,
    { headers, id, address }: SocketOrigin,
  ): Promise<Caller> {
    const given = connectionParams?.['authorization'] ?? connectionParams?.['Authorization'];
    return this.#identify(
      given ?? headers.authorization,
      this.#idOf(connectionParams?.['callerId'], `socket:${id}`),
      address,
    );
  }

  #ofRequest({ headers, ip }: FastifyRequest): Promise<Caller> {
    return this.#identify(headers.authorization, this.#idOf(headers[HEADER], `address:${ip}`), ip);
  }

  /** Whom the client names counts only where it could be anybody anyway. */
  #idOf(name: unknown, otherwise: string): string {
    if (!this.#options.access.isOpen || typeof name !== 'string' || name === '') return otherwise;
    return `named:${name.slice(0, MAX_LENGTH)}`;
  }

  async #identify(authorization: unknown, anonymous: string, address: string): Promise<Caller> {
    const { access, failedSignIns, metrics, log } = this.#options;
    try {
      return await access.authenticate(access.isOpen ? null : credentialOf(authorization), anonymous);
    } catch (error) {
      if (!(error instanceof MixgateError)) throw error;
      const reason = (error.data['reason'] as string | undefined) ?? error.code;
      metrics.authenticationFailed(reason);
      // What is right is never held up: many may share the address of a proxy.
      if (error.code === 'UNAUTHENTICATED') await failedSignIns.take(address);
      log.warn('access.refused', { caller: anonymous, reason, message: error.message });
      throw error;
    }
  }
}

/** @throws UNAUTHENTICATED */
function credentialOf(authorization: unknown): string | null {
  if (authorization === undefined || authorization === null || authorization === '') return null;
  const [, scheme, credential] =
    (typeof authorization === 'string' && /^(?:(\S+) +)?(\S+)$/.exec(authorization.trim())) || [];
  if (credential !== undefined && (scheme ?? 'bearer').toLowerCase() === 'bearer') return credential;
  throw new MixgateError('UNAUTHENTICATED', 'Authorization must be "Bearer" and a key or token.', {
    reason: 'SCHEME',
  });
}

import type { IncomingMessage } from 'node:http';
import ipaddr from 'ipaddr.js';
import { MixgateError } from '../errors.ts';

interface OriginsOptions {
  /** Address or name that the gateway listens on. */
  readonly host: string;
  /** Names that it answers to besides, or `*`. */
  readonly hostnames: readonly string[];
  /** Of other pages that may use the API. */
  readonly allowedOrigins: readonly string[];
}

/** A refusal before anything is looked at. */
export interface Misplaced {
  readonly status: 403 | 421;
  readonly error: MixgateError;
}

type Request = Pick<IncomingMessage, 'headers' | 'method'>;

/** Says whether a request may come from where it comes from, for what browsers send on behalf of pages. */
export class Origins {
  readonly #hostnames: ReadonlySet<string>;
  readonly #allowed: ReadonlySet<string>;
  /** Whoever reaches loopback is let in, so that no page may reach it under a name of its own (DNS rebinding). */
  readonly #checksHosts: boolean;

  constructor({ host, hostnames, allowedOrigins }: OriginsOptions) {
    this.#hostnames = new Set([host, ...hostnames].map((name) => name.toLowerCase()));
    this.#allowed = new Set(allowedOrigins.map((origin) => origin.toLowerCase()));
    this.#checksHosts = !hostnames.includes('*') && (hostnames.length > 0 || isLoopback(host));
  }

  /** Of any request. */
  misplacedHost({ headers: { host } }: Request): Misplaced | null {
    if (!this.#checksHosts || host === undefined || this.#isOwnHost(hostnameOf(host))) return null;
    const message = `This gateway does not answer to the name ${JSON.stringify(hostnameOf(host))}: add it to hostnames if it is yours.`;
    return { status: 421, error: new MixgateError('FORBIDDEN', message, { limit: 'hostnames' }) };
  }

  /** Of a request to the API. */
  misplacedOrigin(request: Request): Misplaced | null {
    const { origin } = request.headers;
    if (origin !== undefined) return this.#isOwnOrAllowed(origin, request) ? null : foreign(origin);
    return null;
  }

  /**
   * Of a GET that starts work: an image or a form of any page can send one, without `Origin`. What a browser is not
   * made to say by itself, it can only say after a preflight.
   */
  misplacedGet(request: Request): Misplaced | null {
    const { headers } = request;
    const site = headers['sec-fetch-site'];
    if (headers.origin !== undefined || site === 'same-origin' || site === 'none') return null;
    if (PREFLIGHTED.some((name) => headers[name] !== undefined)) return null;
    if (headers.authorization?.startsWith('Bearer ') === true) return null;
    // Over plain HTTP to other machines browsers do not say where a request comes from, but that they are browsers.
    if (site === undefined && headers['user-agent']?.startsWith('Mozilla/') !== true) return null;
    return foreign(headers.referer ?? 'another page');
  }

  #isOwnHost(name: string): boolean {
    if (name === 'localhost' || name.endsWith('.localhost')) return true;
    // A name is what an attacker can point anywhere; an address is the one that was reached.
    return ipaddr.isValid(name) || this.#hostnames.has(name);
  }

  #isOwnOrAllowed(origin: string, { headers: { host } }: Request): boolean {
    if (this.#allowed.has(origin.toLowerCase())) return true;
    if (!URL.canParse(origin) || host === undefined) return false;
    const { protocol, host: page } = new URL(origin);
    if (protocol !== 'http:' && protocol !== 'https:') return false;
    // A proxy may have taken the encryption off: the scheme is not compared.
    return URL.canParse(`${protocol}//${host}`) && new URL(`${protocol}//${host}`).host === page;
  }
}

/** Headers that no page can send elsewhere unless a preflight has allowed it: Apollo's own. */
const PREFLIGHTED = ['apollo-require-preflight', 'x-apollo-operation-name'];

const foreign = (origin: string): Misplaced => ({
  status: 403,
  error: new MixgateError(
    'FORBIDDEN',
    `Pages of ${JSON.stringify(origin)} may not use this gateway. Its operator lets them with allowedOrigins; ` +
      'behind a reverse proxy, that has to hand on the Host header.',
    { limit: 'allowedOrigins' },
  ),
});

/** Without port and brackets. */
function hostnameOf(host: string): string {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host.trim()) ?? [];
  return (bracketed ?? plain ?? host).toLowerCase().replace(/\.$/, '');
}

function isLoopback(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  return ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback';
}

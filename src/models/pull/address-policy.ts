import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { MixgateError } from '../../errors.ts';

/** Asks the system for all addresses of a name. */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>;

const resolveBySystem: Resolve = (hostname) =>
  new Promise((resolve, reject) =>
    systemLookup(hostname, { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses))),
  );

/**
 * Which addresses a pull may reach: public ones over https, and what the configuration names. A name is checked by
 * the very addresses that are then connected to, so that it cannot point elsewhere a moment later.
 */
export class AddressPolicy {
  #allowed: readonly string[] = [];
  readonly #resolve: Resolve;

  /** `allowed`: hosts, `host:port`, CIDR ranges, or `*` for any. */
  constructor(allowed: readonly string[], resolve: Resolve = resolveBySystem) {
    this.allow(allowed);
    this.#resolve = resolve;
  }

  /** From now on these, instead of those named before. */
  allow(allowed: readonly string[]): void {
    this.#allowed = allowed.map((entry) => entry.trim().toLowerCase());
  }

  /** Before every request, redirects included. Gives whether the configuration names the place. @throws FORBIDDEN */
  check(url: URL): boolean {
    const host = hostOf(url);
    const isNamed = this.#names(host, portOf(url));
    if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isNamed))
      throw forbidden(`${url.protocol}//${url.host} is not https`, url.host);
    if (url.username !== '' || url.password !== '')
      throw forbidden(`${url.host} wants a user in its URL`, url.host);
    if (ipaddr.isValid(host) && !isNamed && !this.#mayReach(host))
      throw forbidden(`${host} is not a public address`, host);
    return isNamed;
  }

  /** For sockets: gives only addresses that may be reached; any for a place that the configuration names. */
  lookup(isNamed: boolean): LookupFunction {
    return (hostname, options, callback) => {
      this.#addresses(hostname, isNamed).then(
        (addresses) => {
          const ofFamily = addresses.filter(({ family }) => !options.family || family === options.family);
          const usable = ofFamily.length > 0 ? ofFamily : addresses;
          if (options.all === true) callback(null, [...usable]);
          else callback(null, usable[0]!.address, usable[0]!.family);
        },
        (error: Error) => callback(error, '', 0),
      );
    };
  }

  /** @throws FORBIDDEN where one of the name's addresses is not public */
  async #addresses(hostname: string, isNamed: boolean): Promise<readonly LookupAddress[]> {
    const addresses = await this.#resolve(hostname);
    if (addresses.length === 0) throw new Error(`${hostname} has no address`);
    if (isNamed) return addresses;
    const hidden = addresses.find(({ address }) => !this.#mayReach(address));
    if (hidden !== undefined) throw forbidden(`${hostname} has an address that is not public`, hostname);
    return addresses;
  }

  /** Does the configuration name this place? */
  #names(host: string, port: number): boolean {
    return this.#allowed.some(
      (entry) =>
        entry === '*' ||
        entry === host ||
        entry === `${host}:${port}` ||
        entry === `[${host}]:${port}` ||
        (ipaddr.isValid(host) && isInRange(host, entry)),
    );
  }

  #mayReach(address: string): boolean {
    return isPublic(address) || this.#allowed.some((entry) => isInRange(address, entry));
  }
}

/** As in a URL, without the brackets of IPv6. */
const hostOf = ({ hostname }: URL): string => hostname.toLowerCase().replace(/^\[|\]$/g, '');
const portOf = ({ port, protocol }: URL): number => Number(port || (protocol === 'http:' ? 80 : 443));

/** False for loopback, private, link-local, shared, multicast, documentation and mapped ranges alike. */
export function isPublic(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  // Of IPv6 only what is given out: the rest holds old ways to write addresses of IPv4.
  const isGivenOut = parsed.kind() === 'ipv4' || isInRange(address, '2000::/3');
  return isGivenOut && parsed.range() === 'unicast';
}

function isInRange(address: string, range: string): boolean {
  if (!range.includes('/') || !ipaddr.isValidCIDR(range)) return false;
  const [network, bits] = ipaddr.parseCIDR(range);
  const parsed = ipaddr.process(address);
  return parsed.kind() === network.kind() && parsed.match(network, bits);
}

/** The addresses of names are not told: who may ask for a source need not know the network that the gateway is in. */
const forbidden = (problem: string, host: string): MixgateError =>
  new MixgateError(
    'FORBIDDEN',
    `${problem}. If it is a mirror of yours, allow it in the configuration: --allowed-hosts ${host}.`,
    { host },
  );

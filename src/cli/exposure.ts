import { lookup } from 'node:dns/promises';
import path from 'node:path';
import ipaddr from 'ipaddr.js';
import pc from 'picocolors';
import type { Access } from '../access/access.ts';
import type { Config } from '../config.ts';
import { MixgateError } from '../errors.ts';

/**
 * Whoever reaches an open gateway may do everything with it: it listens where only this machine does, unless forced.
 * @throws INVALID_INPUT; also where keys.json is damaged
 */
export async function checkExposure({ host, unsafeOpen }: Config, access: Access): Promise<void> {
  access.check();
  if (!access.isOpen || unsafeOpen || (await isLoopback(host))) return;
  throw new MixgateError(
    'INVALID_INPUT',
    `${host} is reached from other machines, and nobody would be asked who he is: make an API key with \`mixgate keys create --name NAME --role admin\` and start again, set oidcIssuer, listen on 127.0.0.1, or force it with --unsafe-open. docs/access.md says more.`,
    { host },
  );
}

/** Of a name, whether all its addresses are. */
async function isLoopback(host: string): Promise<boolean> {
  const addresses = ipaddr.isValid(host)
    ? [host]
    : (await lookup(host, { all: true }).catch(() => [])).map(({ address }) => address);
  return addresses.length > 0 && addresses.every((address) => ipaddr.process(address).range() === 'loopback');
}

/** Who may use it, in a line. */
export async function exposureLine({ host }: Config, access: Access): Promise<string> {
  if (!access.isOpen) return `Access: ${pc.green('with a key or a token')} (docs/access.md).`;
  return (await isLoopback(host))
    ? `Access: ${pc.yellow('open')} to whoever is on this machine. \`mixgate keys create\` closes it.`
    : `Access: ${pc.red('FORCED OPEN')}: whoever reaches ${host} may do everything. \`mixgate keys create\` closes it.`;
}

/** The link of a terminal holds the key; what ends in a journal does not. */
export function lendLine(url: string, workerKey: string, config: Config): string {
  const page = new URL('/worker/', url).href;
  if (process.stderr.isTTY)
    return `Lend a browser: ${pc.cyan(`${page}#key=${encodeURIComponent(workerKey)}`)}`;
  const place = config.workerKey === null ? path.join(config.dataDir, 'worker-key') : 'the configuration';
  return `Lend a browser: ${page}#key=KEY, with the key of ${place}; \`mixgate worker\` prints the link.`;
}

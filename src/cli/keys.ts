import pc from 'picocolors';
import { ROLES, type Role } from '../access/caller.ts';
import { addKey, keyFileOf, readKeys, revokeKey } from '../access/key-file.ts';
import { whyInvalid, type Key } from '../access/key.ts';
import { loadConfig, type ConfigSource } from '../config.ts';
import { MixgateError } from '../errors.ts';
import { table, type Column } from './table.ts';

export interface CreateOptions extends ConfigSource {
  readonly name: string;
  readonly role: string;
  readonly expires?: string;
  readonly json?: boolean;
}

export interface ListOptions extends ConfigSource {
  readonly json?: boolean;
}

const fileOf = (flags: ConfigSource): string => keyFileOf(loadConfig(flags, process.env).dataDir);

/** `mixgate keys create`: the key alone on standard output, this once. @throws INVALID_INPUT */
export async function createKey({ name, role, expires, json, ...flags }: CreateOptions): Promise<void> {
  const now = Date.now();
  const wanted = { name: nameOf(name), role: roleOf(role), expiresAt: expiryOf(expires, now) };
  const file = fileOf(flags);
  const isFirst = readKeys(file) === null;
  const { text, key } = await addKey(file, wanted, now);
  if (json === true) {
    process.stdout.write(`${JSON.stringify({ key: text, ...shown(key, now) })}\n`);
    return;
  }
  process.stdout.write(`${text}\n`);
  const until = key.expiresAt === null ? 'until it is revoked' : `until ${key.expiresAt}`;
  process.stderr.write(
    `${pc.green('✓')} ${key.name}, ${key.role}, ${until}. Keep it: it is not shown again.\n` +
      (isFirst ? `${pc.dim('From now on the gateway of this data folder asks for a key.')}\n` : ''),
  );
}

/** What is told of a key. */
function shown({ sha256: _, ...key }: Key, now: number) {
  return { ...key, state: (whyInvalid(key, now)?.data['reason'] as string | undefined) ?? 'VALID' };
}

const COLUMNS: readonly Column<ReturnType<typeof shown>>[] = [
  { head: 'id', cell: ({ id }) => id },
  { head: 'name', cell: ({ name }) => name },
  { head: 'role', cell: ({ role }) => role.toLowerCase() },
  { head: 'state', cell: ({ state }) => state.toLowerCase() },
  { head: 'created', cell: ({ createdAt }) => minute(createdAt), keep: 3 },
  { head: 'expires', cell: ({ expiresAt }) => minute(expiresAt), keep: 1 },
  { head: 'revoked', cell: ({ revokedAt }) => minute(revokedAt), keep: 2 },
];

const minute = (instant: string | null): string => instant?.slice(0, 16).replace('T', ' ') ?? '–';

/** `mixgate keys list`. @throws INVALID_INPUT where keys.json is damaged */
export function listKeys({ json, ...flags }: ListOptions): void {
  const keys = readKeys(fileOf(flags));
  const rows = (keys ?? []).map((key) => shown(key, Date.now()));
  if (json === true) process.stdout.write(`${JSON.stringify(rows)}\n`);
  else if (rows.length > 0) process.stdout.write(`${table(COLUMNS, rows)}\n`);
  else process.stderr.write('There are no keys. `mixgate keys create` makes one.\n');
}

/** `mixgate keys revoke ID|NAME`. @throws NOT_FOUND */
export async function revokeKeys(names: readonly string[], flags: ConfigSource): Promise<void> {
  for (const name of names) {
    const key = await revokeKey(fileOf(flags), name, Date.now());
    process.stdout.write(`${pc.green('✓')} ${key.name} (${key.id}) is revoked\n`);
  }
}

/** Safe in a list, and no option by mistake. */
function nameOf(name: string): string {
  if (/^[\p{L}\p{N}][\p{L}\p{N} ._@:-]{0,79}$/u.test(name)) return name;
  throw new MixgateError(
    'INVALID_INPUT',
    '--name: must be 1 to 80 letters, digits, spaces or any of . _ @ : -, such as "grafana".',
  );
}

function roleOf(name: string): Role {
  const role = ROLES.find((each) => each === name.toUpperCase());
  if (role !== undefined) return role;
  throw new MixgateError('INVALID_INPUT', `--role: must be ${ROLES.join(', ').toLowerCase()}.`);
}

const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** `90d`, `12h`, or a date that is still to come. */
function expiryOf(text: string | undefined, now: number): Date | null {
  if (text === undefined) return null;
  const [, count, unit = ''] = /^(\d{1,6})([mhdw])$/.exec(text) ?? [];
  const at = count === undefined ? Date.parse(text) : now + Number(count) * UNIT_MS[unit]!;
  if (at > now && at < Date.parse('9999-12-31')) return new Date(at);
  throw new MixgateError(
    'INVALID_INPUT',
    `--expires: ${text} is no time to come: a duration such as 12h, 90d or 4w, or a date such as 2027-01-31.`,
  );
}

import { MixgateError } from '../errors.ts';
import type { Caller, Role } from './caller.ts';

/** The least role for something. ANYONE: it tells nothing of the gateway, or asks for a key of its own. */
export type Need = Exclude<Role, 'WORKER'> | 'ANYONE';

const RANK: Readonly<Record<Role | Need, number>> = { ANYONE: 0, WORKER: 0, VIEWER: 1, USER: 2, ADMIN: 3 };

export const meets = (role: Role | null, need: Need): boolean =>
  need === 'ANYONE' || (role !== null && RANK[role] >= RANK[need]);

/** @throws UNAUTHENTICATED, FORBIDDEN; `what` begins their sentences */
export function checkRole({ role }: Caller, need: Need, what: string): void {
  if (meets(role, need)) return;
  if (role === null) throw missingCredentials(what);
  throw new MixgateError(
    'FORBIDDEN',
    `${what} needs the role ${need}, and this caller has ${role}: use a key or token of that role.`,
    { needed: need, role },
  );
}

export const missingCredentials = (what: string): MixgateError =>
  new MixgateError(
    'UNAUTHENTICATED',
    `${what} needs a key or a token, as "Authorization: Bearer …", or as \`authorization\` in the connection_init of a WebSocket. \`mixgate keys create\` makes keys.`,
    { reason: 'MISSING' },
  );

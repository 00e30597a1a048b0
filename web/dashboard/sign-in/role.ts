import type { Role } from './viewer.ts';

/** The gateway decides; by this, pages know what they need not offer. */
const RANK: Readonly<Record<Role, number>> = { WORKER: 0, VIEWER: 1, USER: 2, ADMIN: 3 };

export const meets = (role: Role, need: Role): boolean => RANK[role] >= RANK[need];

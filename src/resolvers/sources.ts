import { checkRole } from '../access/role.ts';
import { isFileSource } from '../models/pull/source.ts';
import type { RequestContext } from './services.ts';

/**
 * What is looked at elsewhere is looked at for a USER. What is on this machine is not: who may not pull it is not told
 * which files there are. @throws UNAUTHENTICATED, FORBIDDEN
 */
export function checkMayInspect(source: string, { caller }: RequestContext): void {
  if (isFileSource(source)) checkRole(caller, 'ADMIN', 'A look at a file of this machine');
  else checkRole(caller, 'USER', 'A plan for what is elsewhere');
}

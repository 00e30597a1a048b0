import type { FastifyInstance } from 'fastify';
import { missingCredentials } from '../access/role.ts';

/** What is answered to everyone needs no more. */
const MAX_BYTES = 2 ** 18;

/** Whoever has shown nothing, where that is asked, has little of a body read into memory. */
export function boundUnknownBodies(app: FastifyInstance): void {
  app.addHook('preParsing', async ({ caller, headers }) => {
    if ((caller as typeof caller | undefined)?.role !== null) return;
    const isOpenEnded = headers['transfer-encoding'] !== undefined;
    if (isOpenEnded || Number(headers['content-length'] ?? 0) > MAX_BYTES)
      throw missingCredentials(`A body of more than ${MAX_BYTES} bytes, or of a length that is not told,`);
  });
}

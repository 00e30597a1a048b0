import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Log } from '../log.ts';

const HEADER = 'x-request-id';
/** Safe in a log and in a header. */
const SANE = /^[\w.:-]{1,128}$/;

/** What a proxy or a client gave it, else a new one. */
export function requestIdOf(headers: IncomingHttpHeaders): string {
  const given = headers[HEADER];
  return typeof given === 'string' && SANE.test(given) ? given : randomUUID();
}

/** Every answer carries its request's id, under which the log has it. */
export function tellRequestIds(app: FastifyInstance, log: Log): void {
  app.addHook('onRequest', async (request, reply) => {
    void reply.header(HEADER, request.id);
    // For what does not answer through fastify.
    reply.raw.setHeader(HEADER, request.id);
  });
  app.addHook('onResponse', async ({ id, method, url }, { statusCode, elapsedTime }) => {
    const [path = ''] = url.split('?');
    log.debug('request.ended', { request: id, method, path, status: statusCode, ms: elapsedTime });
  });
}

import type { FastifyInstance } from 'fastify';

/** Live: the process answers. Ready: it takes work; 503 while it drains. */
export function healthRoutes(app: FastifyInstance, isReady: () => boolean): void {
  app.get('/health/live', () => ({ status: 'live' }));
  app.get('/health/ready', (_request, reply) =>
    isReady() ? { status: 'ready' } : reply.code(503).send({ status: 'draining' }),
  );
}

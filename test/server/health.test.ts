import fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { openCaller, unknownCaller } from '../../src/access/caller.ts';
import { healthRoutes } from '../../src/server/health.ts';
import type { Services } from '../../src/resolvers/services.ts';

/** `/health/ready` of a gateway whose disk is like this. */
async function readyWith(diskUse: () => Promise<{ freeBytes: number }>, caller = openCaller('somebody')) {
  const app = fastify();
  const services = {
    residency: { crashLoops: () => [] },
    machine: { refresh: async () => undefined, backends: [], devices: () => [{}] },
    archive: { history: { status: () => ({ problem: null, pending: 0 }) } },
    pulls: { diskUse },
  };
  app.addHook('onRequest', async (request) => {
    request.caller = caller;
  });
  const configStatus = () => ({ problem: null, readAt: 0 });
  healthRoutes(app, services as unknown as Services, { isReady: () => true, configStatus });
  const { statusCode, body } = await app.inject('/health/ready');
  return { statusCode, ...(JSON.parse(body) as { degraded: { about: string; text: string }[] }) };
}

describe('/health/ready', () => {
  it('is content with a disk that has room', async () => {
    expect(await readyWith(async () => ({ freeBytes: 2 ** 30 }))).toMatchObject({
      statusCode: 200,
      degraded: [],
    });
  });

  it('is degraded by a disk that is almost full', async () => {
    const { statusCode, degraded } = await readyWith(async () => ({ freeBytes: 2 ** 30 - 1 }));
    expect({ statusCode, about: degraded.map(({ about }) => about) }).toEqual({
      statusCode: 200,
      about: ['DISK'],
    });
  });

  it('is degraded by a data folder that is gone, and says so', async () => {
    const gone = () => Promise.reject(new Error('ENOENT: no such file'));
    const { statusCode, degraded } = await readyWith(gone);
    expect(statusCode).toBe(200);
    expect(degraded[0]?.text).toContain('ENOENT');
  });

  it('tells who has shown nothing whether it is ready, no more', async () => {
    const gone = () => Promise.reject(new Error('ENOENT: no such file'));
    expect(await readyWith(gone, unknownCaller('somebody'))).toEqual({ statusCode: 200, status: 'ready' });
  });
});

import type { FastifyInstance } from 'fastify';
import { meets } from '../access/role.ts';
import { messageOf } from '../errors.ts';
import type { Services } from '../resolvers/services.ts';

/** Something that is not as it should be, and what it is about. */
interface HealthReason {
  readonly about: 'GATEWAY' | 'BACKEND' | 'HISTORY' | 'DISK';
  readonly text: string;
}

interface Health {
  readonly status: 'ready' | 'draining' | 'unavailable';
  /** Why it takes no work; empty when ready. */
  readonly reasons: readonly HealthReason[];
  /** What does not work although it takes work. */
  readonly degraded: readonly HealthReason[];
}

/** Of the disk that pulls and the history go to. */
export const LEAST_FREE_BYTES = 2 ** 30;

/**
 * Live: the process answers. Ready: it takes work; 503 while it drains, and while there is no device to compute on. It
 * listens only when models and devices have been looked for once. What is wrong is told to whoever may look.
 */
export function healthRoutes(app: FastifyInstance, services: Services, isReady: () => boolean): void {
  app.get('/health/live', () => ({ status: 'live' }));
  app.get('/health/ready', async ({ caller }, reply) => {
    const { status, ...reasons } = await healthOf(services, isReady());
    return reply
      .code(status === 'ready' ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ status, ...(meets(caller.role, 'VIEWER') && reasons) });
  });
}

async function healthOf(services: Services, isReady: boolean): Promise<Health> {
  if (!isReady) {
    const text = 'The gateway is shutting down: what runs is finished, nothing new is taken.';
    return { status: 'draining', reasons: [{ about: 'GATEWAY', text }], degraded: [] };
  }
  const { machine, archive, pulls } = services;
  await machine.refresh();
  const backends = unavailableBackends(services);
  const degraded = [...historyProblem(archive.history.status()), ...(await diskProblem(pulls))];
  if (machine.devices().length > 0)
    return { status: 'ready', reasons: [], degraded: [...backends, ...degraded] };
  const none = { about: 'BACKEND', text: 'No backend has a device to compute on.' } as const;
  return { status: 'unavailable', reasons: [none, ...backends], degraded };
}

const unavailableBackends = ({ machine }: Services): HealthReason[] =>
  machine.backends.flatMap(({ id }) => {
    const { available, unavailableReason } = machine.status(id);
    if (available) return [];
    return { about: 'BACKEND', text: `${id}: ${unavailableReason ?? 'unavailable, the log says why'}` };
  });

const historyProblem = ({ problem, pending }: { problem: string | null; pending: number }): HealthReason[] =>
  problem === null
    ? []
    : [{ about: 'HISTORY', text: `The history cannot be used (${problem}): ${pending} changes wait.` }];

async function diskProblem(pulls: Services['pulls']): Promise<HealthReason[]> {
  try {
    const { freeBytes } = await pulls.diskUse();
    if (freeBytes >= LEAST_FREE_BYTES) return [];
    const text = `${freeBytes} bytes are free for models and history, less than ${LEAST_FREE_BYTES}: free some.`;
    return [{ about: 'DISK', text }];
  } catch (error) {
    return [{ about: 'DISK', text: `The data folder cannot be looked at: ${messageOf(error)}` }];
  }
}

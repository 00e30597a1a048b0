import type { FastifyInstance } from 'fastify';
import { meets } from '../access/role.ts';
import { messageOf } from '../errors.ts';
import type { ConfigStatus } from './config-status.ts';
import type { Services } from '../resolvers/services.ts';

/** Something that is not as it should be, and what it is about. */
interface HealthReason {
  readonly about: 'GATEWAY' | 'BACKEND' | 'HISTORY' | 'DISK' | 'CONFIG';
  readonly text: string;
}

interface Health {
  readonly status: 'ready' | 'draining' | 'unavailable';
  /** Why it takes no work; empty when ready. */
  readonly reasons: readonly HealthReason[];
  /** What does not work although it takes work. */
  readonly degraded: readonly HealthReason[];
}

/** What health needs of the gateway as a whole. */
export interface GatewayState {
  /** False while it drains. */
  readonly isReady: () => boolean;
  readonly configStatus: () => ConfigStatus;
}

/** Of the disk that pulls and the history go to. */
export const LEAST_FREE_BYTES = 2 ** 30;

/**
 * Live: the process answers. Ready: it takes work; 503 while it drains, and while there is no device to compute on. It
 * listens only when models and devices have been looked for once. What is wrong is told to whoever may look.
 */
export function healthRoutes(
  app: FastifyInstance,
  services: Services,
  { isReady, configStatus }: GatewayState,
): void {
  app.get('/health/live', () => ({ status: 'live' }));
  app.get('/health/ready', async ({ caller }, reply) => {
    const { status, ...reasons } = isReady() ? await healthOf(services, configStatus()) : DRAINING;
    return reply
      .code(status === 'ready' ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ status, ...(meets(caller.role, 'VIEWER') && reasons) });
  });
}

const DRAINING: Health = {
  status: 'draining',
  reasons: [
    {
      about: 'GATEWAY',
      text: 'The gateway is shutting down: what runs is finished, nothing new is taken.',
    },
  ],
  degraded: [],
};

async function healthOf(services: Services, config: ConfigStatus): Promise<Health> {
  const { machine, archive, pulls } = services;
  await machine.refresh();
  const backends = unavailableBackends(services);
  const degraded = [
    ...historyProblem(archive.history.status()),
    ...(await diskProblem(pulls)),
    ...crashProblems(services),
    ...configProblem(config),
  ];
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

const crashProblems = ({ residency }: Services): HealthReason[] =>
  residency.crashLoops().map(({ variantId, deviceId, crashes, reason }) => ({
    about: 'BACKEND',
    text: `${variantId} crashed ${crashes} times in a row on ${deviceId} and is loaded less and less often: ${reason}`,
  }));

const configProblem = ({ problem }: ConfigStatus): HealthReason[] =>
  problem === null
    ? []
    : [{ about: 'CONFIG', text: `What the configuration says now is not in force: ${problem}` }];

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

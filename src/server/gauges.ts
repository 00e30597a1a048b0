import type { FastifyInstance } from 'fastify';
import { Gauge, type Registry } from 'prom-client';
import { checkRole } from '../access/role.ts';
import { predictionErrorBytes, type ResidentView } from '../generation/residency-loop.ts';
import type { Services } from '../resolvers/services.ts';
import type { Metrics } from './metrics.ts';

/** What a transport has open. */
export interface OpenCounts {
  readonly webSockets: number;
  /** By transport. */
  readonly subscriptions: Readonly<Record<'websocket' | 'sse', number>>;
}

const RUNNING_STATES = ['QUEUED', 'LOADING', 'PREFILL', 'DECODING'] as const;
const PULL_STATES = ['QUEUED', 'DOWNLOADING', 'VERIFYING'] as const;

/** `/metrics`, in Prometheus' text format: what happened, and what is, which is asked for at the scrape. */
export function metricsRoute(
  app: FastifyInstance,
  { registry }: Metrics,
  services: Services,
  open: () => OpenCounts,
): void {
  deviceGauges(registry, services);
  residentGauges(registry, services);
  crashGauges(registry, services);
  workGauges(registry, services);
  transportGauges(registry, open);
  historyGauges(registry, services);
  diskGauges(registry, services);
  app.get('/metrics', async ({ caller }, reply) => {
    checkRole(caller, 'VIEWER', '/metrics');
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}

function workGauges(registry: Registry, { generations, comparisons, pulls }: Services): void {
  plainGauge(
    registry,
    'mixgate_generations_running',
    'Generations that have not ended.',
    () => generations.running,
  );
  plainGauge(
    registry,
    'mixgate_comparisons_running',
    'Comparisons that have not ended.',
    () => comparisons.running,
  );
  new Gauge({
    name: 'mixgate_generations',
    help: 'Generations that have not ended, by state; QUEUED and LOADING wait for their slot.',
    labelNames: ['state'] as const,
    registers: [registry],
    collect() {
      const counts = generations.states();
      for (const state of RUNNING_STATES) this.set({ state }, counts[state] ?? 0);
    },
  });
  new Gauge({
    name: 'mixgate_pulls',
    help: 'Pulls that have not ended, by state.',
    labelNames: ['state'] as const,
    registers: [registry],
    collect() {
      const views = pulls.list();
      for (const state of PULL_STATES)
        this.set({ state }, views.filter((pull) => pull.state === state).length);
    },
  });
}

function diskGauges(registry: Registry, { pulls }: Services): void {
  const gauge = (name: string, help: string, of: 'freeBytes' | 'usedBytes') =>
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        // Where the folder cannot be looked at, nothing is known; /health/ready says why.
        const use = await pulls.diskUse().catch(() => null);
        if (use === null) this.remove();
        else this.set(use[of]);
      },
    });
  gauge('mixgate_disk_free_bytes', 'What is free of the disk of models and history.', 'freeBytes');
  gauge('mixgate_disk_models_bytes', 'What pulled models take of it, unfinished ones included.', 'usedBytes');
}

function transportGauges(registry: Registry, open: () => OpenCounts): void {
  plainGauge(registry, 'mixgate_websockets', 'Open WebSockets.', () => open().webSockets);
  new Gauge({
    name: 'mixgate_subscriptions',
    help: 'Operations that are answered as a stream, by transport.',
    labelNames: ['transport'] as const,
    registers: [registry],
    collect() {
      for (const [transport, count] of Object.entries(open().subscriptions)) this.set({ transport }, count);
    },
  });
}

function plainGauge(registry: Registry, name: string, help: string, value: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(value());
    },
  });
}

function historyGauges(registry: Registry, { archive }: Services): void {
  const gauge = (name: string, help: string, of: 'pending' | 'lost' | 'problem') =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        const value = archive.history.status()[of];
        this.set(typeof value === 'number' ? value : Number(value === null));
      },
    });
  gauge(
    'mixgate_history_up',
    '1 while the history database can be used, or is off; 0 while it cannot.',
    'problem',
  );
  gauge('mixgate_history_pending', 'Changes that wait to be written to the history.', 'pending');
  gauge('mixgate_history_lost', 'Changes that could not be written to the history, since the start.', 'lost');
}

function deviceGauges(registry: Registry, { machine, workers }: Services): void {
  const gauge = (name: string, help: string, of: 'memoryTotalBytes' | 'memoryFreeBytes') =>
    new Gauge({
      name,
      help,
      labelNames: ['device', 'name', 'kind'] as const,
      registers: [registry],
      async collect() {
        await machine.refresh();
        this.reset();
        for (const { id: device, name, kind, [of]: bytes } of machine.devices())
          this.set({ device, name, kind }, bytes);
      },
    });
  gauge('mixgate_device_memory_total_bytes', 'Memory of a device.', 'memoryTotalBytes');
  gauge('mixgate_device_memory_free_bytes', 'Memory of a device that is free.', 'memoryFreeBytes');
  new Gauge({
    name: 'mixgate_backend_up',
    help: '1 while a backend can be used, 0 while it cannot.',
    labelNames: ['backend'] as const,
    registers: [registry],
    collect() {
      for (const { id: backend } of machine.backends)
        this.set({ backend }, Number(machine.status(backend).available));
    },
  });
  plainGauge(
    registry,
    'mixgate_browser_workers',
    'Browsers that lend themselves now.',
    () => workers.present,
  );
}

/** By variant and device; where one is loaded twice, the sum. What is not known has no sample. */
const RESIDENT_FIGURES: readonly {
  readonly name: string;
  readonly help: string;
  readonly of: (view: ResidentView) => number | null;
}[] = [
  {
    name: 'mixgate_resident_planned_bytes',
    help: 'Device memory that the plan of a resident foresaw.',
    of: ({ plan }) => plan.memory.deviceTotalBytes,
  },
  {
    name: 'mixgate_resident_verified_bytes',
    help: 'Device memory that the runtime said before the load that it would take.',
    of: ({ verifiedBytes }) => verifiedBytes,
  },
  {
    name: 'mixgate_resident_measured_bytes',
    help: 'Device memory that the load took.',
    of: ({ measuredBytes }) => measuredBytes,
  },
  {
    name: 'mixgate_prediction_error_bytes',
    help: 'Planned device memory less what was measured, or verified where nothing can be measured.',
    of: predictionErrorBytes,
  },
  {
    name: 'mixgate_resident_slots',
    help: 'Generations that a resident can decode at once.',
    of: ({ plan }) => plan.slots,
  },
  {
    name: 'mixgate_resident_busy_slots',
    help: 'Generations that a resident decodes now.',
    of: ({ busySlots }) => busySlots,
  },
];

function crashGauges(registry: Registry, { residency }: Services): void {
  new Gauge({
    name: 'mixgate_crash_loop_crashes',
    help: 'Crashes in a row of a variant that is not loaded for a while because of them.',
    labelNames: ['variant', 'device'] as const,
    registers: [registry],
    collect() {
      this.reset();
      for (const { variantId: variant, deviceId: device, crashes } of residency.crashLoops())
        this.set({ variant, device }, crashes);
    },
  });
}

function residentGauges(registry: Registry, { residency }: Services): void {
  for (const { name, help, of } of RESIDENT_FIGURES)
    new Gauge({
      name,
      help,
      labelNames: ['variant', 'device'] as const,
      registers: [registry],
      collect() {
        this.reset();
        for (const view of residency.residents()) {
          const value = of(view);
          const { variantId: variant, deviceId: device } = view.plan;
          if (value !== null) this.inc({ variant, device }, value);
        }
      },
    });
}

import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { predictionErrorBytes, type ResidentView } from '../generation/residency-loop.ts';
import type { Services } from '../resolvers/services.ts';

/** Seconds: a demo model takes a tenth, 26 GB from a slow disk some minutes. */
const LOAD_BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320];

/** Figures for Prometheus. What happens is counted when it happens; what is, is asked for at the scrape. */
export class Metrics {
  readonly registry = new Registry();
  readonly #ended = new Counter({
    name: 'mixgate_generations_ended_total',
    help: 'Generations that ended, by final state.',
    labelNames: ['state'] as const,
    registers: [this.registry],
  });
  readonly #loads = new Histogram({
    name: 'mixgate_model_load_seconds',
    help: 'How long loads took that succeeded.',
    labelNames: ['variant', 'device'] as const,
    buckets: LOAD_BUCKETS,
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry, prefix: 'mixgate_' });
    for (const state of ['COMPLETED', 'FAILED', 'CANCELLED']) this.#ended.inc({ state }, 0);
  }

  generationEnded(state: string): void {
    this.#ended.inc({ state });
  }

  modelLoaded({ variantId, deviceId }: ResidentView['plan'], loadMs: number): void {
    this.#loads.observe({ variant: variantId, device: deviceId }, loadMs / 1000);
  }
}

/** `/metrics`, in Prometheus' text format. */
export function metricsRoute(app: FastifyInstance, { registry }: Metrics, services: Services): void {
  deviceGauges(registry, services);
  residentGauges(registry, services);
  new Gauge({
    name: 'mixgate_generations_running',
    help: 'Generations that have not ended.',
    registers: [registry],
    collect() {
      this.set(services.generations.running);
    },
  });
  historyGauges(registry, services);
  app.get('/metrics', async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  );
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

function deviceGauges(registry: Registry, { machine }: Services): void {
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

import { Gauge, type Registry } from 'prom-client';
import type { ConfigStatus } from './config-status.ts';

/** As Prometheus and Alertmanager call their own. */
export function configGauges(registry: Registry, status: () => ConfigStatus): void {
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name: `mixgate_config_last_reload_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  gauge(
    'successful',
    '1 while the configuration as it was last read is in force, 0 after a mistake in it.',
    () => Number(status().problem === null),
  );
  gauge(
    'success_timestamp_seconds',
    'When the configuration was last read without a mistake.',
    () => status().readAt / 1000,
  );
}

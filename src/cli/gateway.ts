import { loadConfig, type Config, type ConfigSource } from '../config.ts';
import { NOBODY } from '../generation/observer.ts';
import { createLog } from '../log.ts';
import type { Services } from '../resolvers/services.ts';
import type { CommandEnvironment, Gateway, GatewayOptions } from './environment.ts';

/** Runs a command that does not listen: builds the gateway, and disposes of it whatever happens. */
export async function withGateway(
  options: ConfigSource,
  { createGateway }: CommandEnvironment,
  command: (services: Services, config: Config, gateway: Gateway) => Promise<void>,
  gatewayOptions: GatewayOptions = {},
): Promise<void> {
  const config = loadConfig({ logLevel: 'warn', ...options }, process.env);
  const log = createLog({ level: config.logLevel, format: 'pretty' });
  const gateway = await createGateway(config, log, NOBODY, gatewayOptions);
  try {
    await command(gateway.services, config, gateway);
  } finally {
    await gateway.dispose();
  }
}

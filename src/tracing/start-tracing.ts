import { MixgateError, messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Destination, RunningTracing } from './sdk.ts';

export interface TracingOptions {
  /** Of the configuration. */
  readonly traces: 'auto' | 'off' | 'otlp' | 'log';
  readonly environment: NodeJS.ProcessEnv;
  readonly version: string;
  readonly log: Log;
}

/**
 * Traces as OpenTelemetry's environment variables say; null where it is off, and then its SDK is never loaded.
 * @throws INVALID_INPUT for what mixgate cannot send by
 */
export async function startTracing(options: TracingOptions): Promise<RunningTracing | null> {
  const destination = destinationOf(options);
  if (destination === null) return null;
  const { createTracing } = await import('./sdk.ts');
  try {
    return createTracing(destination, options);
  } catch (error) {
    // Of what the environment says: an address that is none, a header that is none.
    throw new MixgateError('INVALID_INPUT', `Tracing cannot start: ${messageOf(error)}. See OTEL_….`);
  }
}

function destinationOf({ traces, environment }: TracingOptions): Destination | null {
  const exporter = traces === 'auto' ? exporterOf(environment) : traces;
  if (exporter === 'off') return null;
  return exporter === 'log' ? 'log' : protocolOf(environment);
}

const EXPORTERS: Readonly<Record<string, 'otlp' | 'log' | 'off'>> = {
  otlp: 'otlp',
  console: 'log',
  none: 'off',
};

function exporterOf(environment: NodeJS.ProcessEnv): 'off' | 'otlp' | 'log' {
  const of = given(environment);
  if (of('OTEL_SDK_DISABLED')?.toLowerCase() === 'true') return 'off';
  const name = of('OTEL_TRACES_EXPORTER');
  if (name === null) {
    const endpoint = of('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') ?? of('OTEL_EXPORTER_OTLP_ENDPOINT');
    return endpoint === null ? 'off' : 'otlp';
  }
  const exporter = Object.hasOwn(EXPORTERS, name) ? EXPORTERS[name] : undefined;
  if (exporter !== undefined) return exporter;
  throw new MixgateError(
    'INVALID_INPUT',
    `OTEL_TRACES_EXPORTER is ${name}: mixgate knows ${Object.keys(EXPORTERS).join(', ')}.`,
  );
}

function protocolOf(environment: NodeJS.ProcessEnv): Destination {
  const of = given(environment);
  const protocol = of('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') ?? of('OTEL_EXPORTER_OTLP_PROTOCOL');
  if (protocol === null) return 'http/protobuf';
  if (protocol === 'http/protobuf' || protocol === 'http/json') return protocol;
  throw new MixgateError(
    'INVALID_INPUT',
    `OTEL_EXPORTER_OTLP_PROTOCOL is ${protocol}: mixgate sends traces by http/protobuf or http/json.`,
  );
}

/** Empty counts as unset, as OpenTelemetry has it. */
const given =
  (environment: NodeJS.ProcessEnv) =>
  (name: string): string | null =>
    environment[name]?.trim() || null;

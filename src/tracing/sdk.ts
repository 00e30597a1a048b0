import { setTimeout } from 'node:timers/promises';
import { ExportResultCode, hrTimeToMilliseconds, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  SimpleSpanProcessor,
  type ReadableSpan,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base';
import type { Log } from '../log.ts';
import { Tracing } from './trace.ts';

/** Loaded only where something is traced. What it reads of the environment is OpenTelemetry's own business. */

/** Where spans go, and how. */
export type Destination = 'log' | 'http/protobuf' | 'http/json';

export interface RunningTracing {
  readonly tracing: Tracing;
  /** Sends what is left, for a moment at most. */
  stop(): Promise<void>;
}

/** How long the end of the gateway waits for a collector. */
const FLUSH_MS = 2000;

export function createTracing(
  destination: Destination,
  { version, log }: { readonly version: string; readonly log: Log },
): RunningTracing {
  const own = resourceFromAttributes({ 'service.name': 'mixgate', 'service.version': version });
  const provider = new BasicTracerProvider({
    resource: defaultResource()
      .merge(own)
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [
      destination === 'log'
        ? new SimpleSpanProcessor(new LogExporter(log))
        : new BatchSpanProcessor(new WatchedExporter(exporterFor(destination), log)),
    ],
  });
  return {
    tracing: new Tracing(provider.getTracer('mixgate', version), new W3CTraceContextPropagator()),
    // What fails is in the log by then.
    stop: () =>
      Promise.race([
        provider.shutdown().catch(() => undefined),
        setTimeout(FLUSH_MS, undefined, { ref: false }),
      ]),
  };
}

const exporterFor = (destination: Exclude<Destination, 'log'>): SpanExporter =>
  destination === 'http/json' ? new JsonExporter() : new ProtobufExporter();

type Done = Parameters<SpanExporter['export']>[1];

/** Says once when a collector is away, and once when it is back. */
class WatchedExporter implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #log: Log;
  #isAway = false;

  constructor(exporter: SpanExporter, log: Log) {
    this.#exporter = exporter;
    this.#log = log;
  }

  export(spans: ReadableSpan[], done: Done): void {
    this.#exporter.export(spans, (result) => {
      const { code, error } = result;
      const isAway = code === ExportResultCode.FAILED;
      if (isAway && !this.#isAway)
        this.#log.warn('traces.unavailable', { reason: error?.message || 'no answer', lost: spans.length });
      if (!isAway && this.#isAway) this.#log.info('traces.available', {});
      this.#isAway = isAway;
      done(result);
    });
  }

  forceFlush(): Promise<void> {
    return this.#exporter.forceFlush?.() ?? Promise.resolve();
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }
}

/** A line of the log for each span. */
class LogExporter implements SpanExporter {
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  export(spans: ReadableSpan[], done: Done): void {
    for (const span of spans) {
      const { traceId, spanId } = span.spanContext();
      const { name, parentSpanContext, status, attributes, duration } = span;
      this.#log.info('trace.span', {
        ...{ trace_id: traceId, span_id: spanId, parent_span_id: parentSpanContext?.spanId ?? null },
        ...{ name, ms: hrTimeToMilliseconds(duration), code: status.message ?? null, attributes },
      });
    }
    done({ code: ExportResultCode.SUCCESS });
  }

  async shutdown(): Promise<void> {}
}

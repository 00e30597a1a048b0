import {
  context,
  defaultTextMapGetter,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
  type TextMapPropagator,
  type Tracer,
} from '@opentelemetry/api';

/** What the rest of the gateway knows of OpenTelemetry. Where nothing is traced there is none of it, only null. */

/** As W3C Trace Context has them: `traceparent` and `tracestate`, of a header or of what takes its place. */
export type TraceCarrier = Readonly<Record<string, string>>;

/** Opens what everything else of one operation is under. */
export class Tracing {
  readonly #tracer: Tracer;
  readonly #propagator: TextMapPropagator;

  constructor(tracer: Tracer, propagator: TextMapPropagator) {
    this.#tracer = tracer;
    this.#propagator = propagator;
  }

  /** Of a request that came in; under the caller's span where the carrier names a valid one. */
  open(name: string, carrier: TraceCarrier, attributes: Attributes): Trace {
    const parent = this.#propagator.extract(context.active(), carrier, defaultTextMapGetter);
    const span = this.#tracer.startSpan(
      name,
      { kind: SpanKind.SERVER, attributes, startTime: Date.now() },
      parent,
    );
    return new Trace(this.#tracer, span, trace.setSpan(parent, span));
  }
}

/** A span. Times are milliseconds since 1970, of one clock, so that no span begins before the one it is under. */
export class Trace {
  readonly #tracer: Tracer;
  readonly #span: Span;
  readonly #context: Context;

  constructor(tracer: Tracer, span: Span, context: Context) {
    this.#tracer = tracer;
    this.#span = span;
    this.#context = context;
  }

  get traceId(): string {
    return this.#span.spanContext().traceId;
  }

  /** For what goes on elsewhere: W3C Trace Context, version 00. */
  get traceparent(): string {
    const { traceId, spanId, traceFlags } = this.#span.spanContext();
    return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
  }

  child(name: string, attributes: Attributes = {}, startTime = Date.now()): Trace {
    const span = this.#tracer.startSpan(name, { attributes, startTime }, this.#context);
    return new Trace(this.#tracer, span, trace.setSpan(this.#context, span));
  }

  rename(name: string): void {
    this.#span.updateName(name);
  }

  set(attributes: Attributes): void {
    this.#span.setAttributes(attributes);
  }

  event(name: string, time: number): void {
    this.#span.addEvent(name, time);
  }

  /** By its code alone: messages may quote what a caller sent. */
  fail(code: string): void {
    this.#span.setAttribute('error.type', code);
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message: code });
  }

  end(time = Date.now()): void {
    this.#span.end(time);
  }
}

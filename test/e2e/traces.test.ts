import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WORKER_KEY } from '../support/browser.ts';
import { freePort } from '../support/free-port.ts';
import { DEMO, GENERATE, startGateway, type TestEvent, type TestGateway } from '../support/gateway.ts';
import { LyingWorker } from '../support/lying-worker.ts';
import { startCollector, type ReceivedSpan } from '../support/otlp-collector.ts';

/** Found nowhere but where a test puts them. */
const PROMPT = 'a marker such as zyxprompt';
const INPUT = {
  model: DEMO,
  quantization: 'Q2_K',
  prompt: { text: PROMPT },
  sampling: { temperature: 0 },
  maxTokens: 6,
};
const ERROR = 2;
const FLAGS = ['--gpu', 'off', '--slots', '2', '--history', 'no', '--log-format', 'json'];

/** A caller's span. */
function caller() {
  const traceId = randomBytes(16).toString('hex');
  const spanId = randomBytes(8).toString('hex');
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-01` };
}

describe('a gateway that sends its spans to a collector', () => {
  let collector: Awaited<ReturnType<typeof startCollector>>;
  let gateway: TestGateway;
  beforeAll(async () => {
    collector = await startCollector();
    gateway = await startGateway([...FLAGS, '--worker-key', WORKER_KEY], {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
      OTEL_SERVICE_NAME: 'mixgate-under-test',
      OTEL_BSP_SCHEDULE_DELAY: '50',
    });
  });
  afterAll(async () => {
    await gateway?.stop();
    await collector?.close();
  });

  /** Of a trace, once they are all there: the operation's own is the last to end, but for generations that it started. */
  const spansOf = async (traceId: string, names: readonly string[]): Promise<Tree> => {
    await expect
      .poll(
        () =>
          collector
            .spans(traceId)
            .map(({ name }) => name)
            .toSorted(),
        { timeout: 10_000 },
      )
      .toEqual(names.toSorted());
    return new Tree(collector.spans(traceId));
  };
  const post = (query: string, variables: object, headers: Record<string, string>, path = '') =>
    fetch(`${gateway.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query, variables }),
    });

  it('tells a generation over WebSocket from its socket to the runner and back', async () => {
    const { traceId, spanId, traceparent } = caller();
    const client = gateway.client();
    const done = collectWith(client, {
      query: GENERATE,
      variables: { input: INPUT },
      extensions: { traceparent },
    });
    const events = await done;
    await client.dispose();
    const { generationId } = events[0]!.generate;
    const { timings, usage } = events.at(-1)!.generate;
    const generation = `text_completion ${DEMO}`;
    const tree = await spansOf(traceId, [
      ...['subscription', generation, 'plan', 'queue', 'load', 'run', 'prompt', 'eval'],
    ]);

    const operation = tree.one('subscription');
    expect(operation.parentSpanId).toBe(spanId);
    expect(operation.resource).toMatchObject({
      'service.name': 'mixgate-under-test',
      'deployment.environment.name': 'test',
    });
    expect(operation.attributes).toMatchObject({ 'graphql.operation.type': 'subscription' });
    expect(tree.one(generation).attributes).toMatchObject({
      'gen_ai.operation.name': 'text_completion',
      'gen_ai.request.model': DEMO,
      'gen_ai.request.max_tokens': 6,
      'gen_ai.response.id': generationId,
      'gen_ai.response.model': `${DEMO}:Q2_K`,
      'gen_ai.response.finish_reasons': ['length'],
      'gen_ai.usage.input_tokens': usage!.promptTokens,
      'gen_ai.usage.output_tokens': 6,
      'mixgate.backend': 'llama-cpp',
    });
    expect(tree.childrenOf('subscription')).toEqual([generation]);
    expect(tree.childrenOf(generation)).toEqual(['plan', 'queue', 'load', 'run']);
    expect(tree.childrenOf('run')).toEqual(['prompt', 'eval']);
    tree.expectNested();
    // The runner's own figures.
    expect(lengthOf(tree.one('prompt'))).toBeCloseTo(timings!['promptEval']!.ms, 1);
    expect(lengthOf(tree.one('eval'))).toBeCloseTo(timings!['eval']!.ms + timings!['sample']!.ms, 1);
    expect(lengthOf(tree.one('load'))).toBeGreaterThanOrEqual(timings!['loadMs']!);
    expect(JSON.stringify(collector.spans(traceId))).not.toContain('zyx');
    const lines = gateway
      .stderr()
      .split('\n')
      .filter((line) => line.includes(`"generation":"${generationId}"`));
    expect(lines.length).toBeGreaterThan(1);
    for (const line of lines) expect(JSON.parse(line)).toMatchObject({ trace_id: traceId });
  });

  it('takes the caller of an event stream from its headers', async () => {
    const { traceId, spanId, traceparent } = caller();
    const response = await post(
      GENERATE.replace('subscription', 'subscription Named'),
      { input: { ...INPUT, prompt: { messages: [{ role: 'USER', content: PROMPT }] } } },
      { accept: 'text/event-stream', traceparent },
      '/stream',
    );
    await response.text();
    const generation = `chat ${DEMO}`;
    const tree = await spansOf(traceId, [
      'subscription',
      generation,
      'plan',
      'queue',
      'run',
      'prompt',
      'eval',
    ]);
    expect(tree.one('subscription').parentSpanId).toBe(spanId);
    expect(tree.one('subscription').attributes).toMatchObject({ 'graphql.operation.name': 'Named' });
    tree.expectNested();
  });

  it('takes the caller of a request from its headers; its generation goes on after it', async () => {
    const { traceId, spanId, traceparent } = caller();
    const started = 'mutation Start($input: GenerateInput!) { startGeneration(input: $input) { id } }';
    await post(
      started,
      { input: { ...INPUT, onDisconnect: 'CONTINUE' } },
      { traceparent, tracestate: 'shop=1' },
    );
    const generation = `text_completion ${DEMO}`;
    const tree = await spansOf(traceId, ['mutation', generation, 'plan', 'queue', 'run', 'prompt', 'eval']);
    expect(tree.one('mutation')).toMatchObject({ parentSpanId: spanId, status: null });
    expect(tree.childrenOf('mutation')).toEqual([generation]);

    const refused = caller();
    await post(started, { input: { ...INPUT, model: 'none' } }, { traceparent: refused.traceparent });
    const failed = await spansOf(refused.traceId, ['mutation']);
    expect(failed.one('mutation').status).toEqual({ code: ERROR, message: 'MODEL_NOT_FOUND' });

    const wrong = caller();
    await post('{ nothing }', {}, { traceparent: wrong.traceparent });
    const unnamed = await spansOf(wrong.traceId, ['GraphQL Operation']);
    expect(unnamed.one('GraphQL Operation').status).toEqual({ code: ERROR, message: 'INVALID_INPUT' });
  });

  it('makes no span of what no valid caller asked for part of its trace', async () => {
    const traceparent = `00-${'0'.repeat(32)}-0000000000000001-01`;
    await post('query Odd { __typename }', {}, { traceparent });
    const unsampled = caller();
    await post(
      'query Unsampled { __typename }',
      {},
      { traceparent: unsampled.traceparent.replace(/01$/, '00') },
    );
    const later = caller();
    await post('query Later { __typename }', {}, { traceparent: later.traceparent });
    await spansOf(later.traceId, ['query']);
    expect(collector.spans('0'.repeat(32))).toEqual([]);
    expect(collector.spans(unsampled.traceId)).toEqual([]);
  });

  it('puts the lanes of a comparison under it', async () => {
    const { traceId, traceparent } = caller();
    const client = gateway.client();
    const query = `subscription Compare($input: CompareInput!) { compare(input: $input) { __typename } }`;
    const lanes = ['Q2_K', 'Q4_K_M'].map((quantization) => ({ model: DEMO, quantization }));
    const input = { prompt: { text: PROMPT }, lanes, maxTokens: 3, schedule: 'IN_TURN' };
    await collectWith(client, { query, variables: { input }, extensions: { traceparent } });
    await client.dispose();
    const generation = `text_completion ${DEMO}`;
    const lane = [generation, 'plan', 'queue', 'run', 'prompt', 'eval'];
    const tree = await spansOf(traceId, ['subscription', 'comparison', ...lane, ...lane, 'turn', 'load']);
    expect(tree.childrenOf('subscription')).toEqual(['comparison']);
    expect(tree.childrenOf('comparison')).toEqual([generation, generation]);
    expect(tree.one('comparison').attributes).toMatchObject({
      'mixgate.comparison.lanes': 2,
      'mixgate.comparison.schedule': 'IN_TURN',
    });
    tree.expectNested();
  });

  it('hands the trace to a browser, and fails the spans of what fails', async () => {
    const worker = new LyingWorker(gateway);
    await worker.join();
    const { traceId, traceparent } = caller();
    const client = gateway.client();
    const input = { ...INPUT, backend: 'webgpu' };
    const done = collectWith(client, { query: GENERATE, variables: { input }, extensions: { traceparent } });
    await worker.load();
    const start = await worker.command('start');
    await worker.report([{ type: 'error', id: start.id, error: { code: 'INVALID_INPUT', message: PROMPT } }]);
    await done;
    await client.dispose();
    const generation = `text_completion ${DEMO}`;
    const tree = await spansOf(traceId, ['subscription', generation, 'plan', 'queue', 'load', 'run']);
    const run = tree.one('run');
    expect(start.traceparent).toBe(`00-${traceId}-${run.spanId}-01`);
    for (const span of [run, tree.one(generation)]) {
      expect(span.status).toEqual({ code: ERROR, message: 'INVALID_INPUT' });
      expect(span.attributes).toMatchObject({ 'error.type': 'INVALID_INPUT' });
    }
    expect(tree.one('subscription').status).toBe(null);
    expect(JSON.stringify(collector.spans(traceId))).not.toContain('zyx');
    await worker.leave();
  });
});

describe('what the environment says of traces', () => {
  it('is taken as OpenTelemetry has it: protobuf unless JSON is asked for, and what is left at the end', async () => {
    const collector = await startCollector();
    const gateway = await startGateway(FLAGS, {
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/some/where`,
      OTEL_BSP_SCHEDULE_DELAY: '600000',
    });
    const { traceId, traceparent } = caller();
    await fetch(`${gateway.url}?query={__typename}`, {
      headers: { traceparent, 'apollo-require-preflight': 'true' },
    });
    expect(collector.raw).toEqual([]);
    await gateway.stop();
    await collector.close();
    expect(collector.raw.map(({ type, path }) => [type, path])).toEqual([
      ['application/x-protobuf', '/some/where'],
    ]);
    expect(collector.raw[0]!.body.includes(Buffer.from(traceId, 'hex'))).toBe(true);
  });

  it('costs one line of the log while no collector is there, and no answer', async () => {
    const gateway = await startGateway([...FLAGS, '--traces', 'otlp'], {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}`,
      OTEL_EXPORTER_OTLP_TIMEOUT: '300',
      OTEL_BSP_SCHEDULE_DELAY: '20',
    });
    const lines = () =>
      gateway
        .stderr()
        .split('\n')
        .filter((line) => line.includes('traces.unavailable'));
    const events = await gateway.subscribe<'generate'>(GENERATE, { input: INPUT });
    expect(events.at(-1)!.generate.__typename).toBe('GenerationCompleted');
    await expect.poll(lines, { timeout: 10_000 }).toHaveLength(1);
    await gateway.subscribe<'generate'>(GENERATE, { input: INPUT });
    expect(await gateway.stop()).toBe(0);
    expect(lines()).toHaveLength(1);
  });

  it('may send them into the log, and refuses what mixgate cannot send by', async () => {
    const gateway = await startGateway([...FLAGS], { OTEL_TRACES_EXPORTER: 'console' });
    await gateway.query('query Mine { __typename }');
    const spans = () =>
      gateway
        .stderr()
        .split('\n')
        .filter((line) => line.includes('trace.span'))
        .map((line) => JSON.parse(line) as object);
    await expect.poll(spans).toEqual([
      expect.objectContaining({
        name: 'query',
        trace_id: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
        parent_span_id: null,
        attributes: expect.objectContaining({ 'graphql.operation.name': 'Mine' }) as object,
      }),
    ]);
    await gateway.stop();
    await expect(startGateway(FLAGS, { OTEL_TRACES_EXPORTER: 'zipkin' })).rejects.toThrow(
      'otlp, console, none',
    );
    await expect(
      startGateway([...FLAGS, '--traces', 'otlp'], { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }),
    ).rejects.toThrow('http/protobuf or http/json');
  });
});

const lengthOf = ({ startMs, endMs }: ReceivedSpan): number => endMs - startMs;

/** As `collect`, with all that a client can send. */
function collectWith(
  client: ReturnType<TestGateway['client']>,
  payload: { query: string; variables: Record<string, unknown>; extensions: Record<string, unknown> },
): Promise<{ generate: TestEvent }[]> {
  return new Promise((resolve, reject) => {
    const events: { generate: TestEvent }[] = [];
    client.subscribe<{ generate: TestEvent }>(payload, {
      next: ({ data }) => data && events.push(data),
      error: reject,
      complete: () => resolve(events),
    });
  });
}

class Tree {
  readonly #spans: readonly ReceivedSpan[];

  constructor(spans: readonly ReceivedSpan[]) {
    this.#spans = spans;
  }

  one(name: string): ReceivedSpan {
    const [span, ...others] = this.#spans.filter((each) => each.name === name);
    expect(others, name).toEqual([]);
    return span!;
  }

  /** Names, in the order they began. */
  childrenOf(name: string): string[] {
    const { spanId } = this.one(name);
    const children = this.#spans.filter(({ parentSpanId }) => parentSpanId === spanId);
    return children.toSorted((a, b) => a.startMs - b.startMs || a.endMs - b.endMs).map((each) => each.name);
  }

  /** None begins before the one it is under. */
  expectNested(): void {
    const byId = new Map(this.#spans.map((span) => [span.spanId, span]));
    for (const { name, parentSpanId, startMs, endMs } of this.#spans) {
      const parent = byId.get(parentSpanId ?? '');
      expect(endMs, name).toBeGreaterThanOrEqual(startMs);
      if (parent !== undefined)
        expect(startMs, `${name} in ${parent.name}`).toBeGreaterThanOrEqual(parent.startMs);
    }
  }
}

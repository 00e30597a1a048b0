import { createClient, type Client } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import {
  collect,
  DEMO,
  GENERATE,
  startGateway,
  UNICORN,
  type TestEvent,
  type TestGateway,
} from '../support/gateway.ts';

const chat = { messages: [{ role: 'USER', content: UNICORN }] };
/** Goes on until the context is full. */
const ENDLESS = { jsonSchema: { type: 'array', minItems: 500, items: { type: 'integer' } } };
const START = 'mutation ($input: GenerateInput!) { startGeneration(input: $input) { id state } }';
const CANCEL = 'mutation ($id: ID!) { cancelGeneration(id: $id) { state text usage { completionTokens } } }';
const FOLLOW = `subscription ($id: ID!) { generationEvents(id: $id) {
  __typename sequence ... on GenerationQueued { position } ... on GenerationFailed { error { code message } } } }`;

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway(['--slots', '1']);
});
afterAll(() => gateway.stop());

const callerNamed = (callerId: string): Client =>
  createClient({
    url: gateway.url.replace('http', 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: { callerId },
    retryAttempts: 0,
  });
const run = (client: Client, input: object = {}) =>
  collect<'generate'>(client, GENERATE, { input: { model: DEMO, prompt: chat, maxTokens: 30, ...input } });
async function start(input: object): Promise<string> {
  const answer = await gateway.query<{ startGeneration: { id: string } }>(START, {
    input: { model: DEMO, prompt: chat, onDisconnect: 'CONTINUE', ...input },
  });
  return answer.data.startGeneration.id;
}
const cancel = async (id: string) =>
  (await gateway.query<{ cancelGeneration: { state: string; text: string } }>(CANCEL, { id })).data
    .cancelGeneration;
/** Resolves at the first event that a test waits for. */
function until(id: string, isIt: (event: TestEvent & { position?: number }) => boolean): Promise<void> {
  const client = gateway.client();
  return new Promise((resolve) => {
    const stop = client.subscribe<{ generationEvents: TestEvent }>(
      { query: FOLLOW, variables: { id } },
      {
        next: ({ data }) => {
          if (data && isIt(data.generationEvents)) resolve();
        },
        error: () => undefined,
        complete: () => void client.dispose(),
      },
    );
    void stop;
  });
}

describe('the queue', () => {
  it("serves another's one request before one caller's twenty are over", async () => {
    const [many, one] = [callerNamed('many'), callerNamed('one')];
    const ended: string[] = [];
    const requests = Array.from({ length: 20 }, () => run(many).then(() => ended.push('many')));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await Promise.all([...requests, run(one).then(() => ended.push('one'))]);
    expect(ended.indexOf('one')).toBeLessThan(5);
    await Promise.all([many.dispose(), one.dispose()]);
  });

  it('serves a higher priority first, and tells the others their new position', async () => {
    const client = callerNamed('priorities');
    const running = await start(ENDLESS);
    await until(running, ({ __typename }) => __typename === 'TokenChunk');
    const [low, high] = [await start({ maxTokens: 1 }), await start({ maxTokens: 1, priority: 5 })];
    await until(low, ({ position }) => position === 1);
    await cancel(running);
    const events = await collect<'generationEvents'>(client, FOLLOW, { id: low });
    const positions = events.flatMap(({ generationEvents: event }) =>
      event.__typename === 'GenerationQueued' ? [(event as { position?: number }).position] : [],
    );
    expect(positions).toEqual([0, 1, 0]);
    const { data } = await gateway.query<{ generation: { state: string } }>(
      'query ($id: ID!) { generation(id: $id) { state } }',
      { id: high },
    );
    expect(data.generation.state).toBe('COMPLETED');
    await client.dispose();
  });

  it('fails with WAIT_TIMEOUT who has waited too long, and nobody else', async () => {
    const client = callerNamed('patient');
    const running = await start(ENDLESS);
    const late = await run(client, { maxWaitMs: 200 });
    expect(late.at(-1)!.generate).toMatchObject({
      __typename: 'GenerationFailed',
      error: { code: 'WAIT_TIMEOUT', retryable: true },
    });
    expect((await cancel(running)).state).toBe('CANCELLED');
    await client.dispose();
  });

  it('fails with RUN_TIMEOUT what runs too long, keeps its text and frees its slot', async () => {
    const client = callerNamed('hasty');
    const events = (await run(client, { ...ENDLESS, maxTokens: null, maxRunMs: 150 })).map(
      ({ generate }) => generate,
    );
    expect(events.at(-1)).toMatchObject({ __typename: 'GenerationFailed', error: { code: 'RUN_TIMEOUT' } });
    const { data } = await gateway.query<{ generation: { text: string } }>(
      'query ($id: ID!) { generation(id: $id) { text } }',
      { id: events[0]!.generationId },
    );
    expect(data.generation.text).toBe(events.map(({ text }) => text ?? '').join(''));
    expect(data.generation.text).not.toBe('');
    expect((await run(client)).at(-1)!.generate.__typename).toBe('GenerationCompleted');
    await client.dispose();
  });
});

describe('cancelGeneration', () => {
  it('works while waiting, decoding and after the end', async () => {
    const running = await start(ENDLESS);
    await until(running, ({ __typename }) => __typename === 'TokenChunk');
    const waiting = await start({});
    expect((await cancel(waiting)).state).toBe('CANCELLED');
    const cancelled = await cancel(running);
    expect(cancelled.state).toBe('CANCELLED');
    expect(cancelled.text).not.toBe('');
    expect(await cancel(running)).toEqual(cancelled);
  });

  it('works while the prompt is read', async () => {
    const long = 'llama '.repeat(900);
    const id = await start({ prompt: { text: long }, maxTokens: 100 });
    await until(id, ({ __typename }) => __typename === 'PlanChosen');
    expect((await cancel(id)).state).toBe('CANCELLED');
    const client = callerNamed('next');
    expect((await run(client)).at(-1)!.generate.__typename).toBe('GenerationCompleted');
    await client.dispose();
  });

  it('works while the model loads, and does not end the load for who else waits for it', async () => {
    const id = await start({ quantization: 'Q8_0' });
    const other = await start({ quantization: 'Q8_0', maxTokens: 3 });
    await until(id, ({ __typename }) => __typename === 'ModelLoading');
    expect((await cancel(id)).state).toBe('CANCELLED');
    await until(other, ({ __typename }) => __typename === 'GenerationCompleted');
  });
});

describe('ended generations', () => {
  it('are kept for a time and up to a size, then are NOT_FOUND', async () => {
    const bounds = ['--keep-generations-bytes', '4000', '--keep-generations-ms', '1500'];
    // Else the history has them.
    const small = await startGateway([...bounds, '--history', 'no']);
    const answer = async () => {
      const events = await small.subscribe<'generate'>(GENERATE, {
        input: { model: DEMO, prompt: chat, maxTokens: 60, sampling: { seed: 1 } },
      });
      return events[0]!.generate.generationId;
    };
    const read = (id: string) => small.subscribe(FOLLOW, { id });
    const [first, second] = [await answer(), await answer()];
    await expect(read(first)).rejects.toMatchObject({ errors: [{ extensions: { code: 'NOT_FOUND' } }] });
    expect((await read(second)).length).toBeGreaterThan(1);
    await new Promise((resolve) => setTimeout(resolve, 1600));
    await expect(read(second)).rejects.toMatchObject({ errors: [{ extensions: { code: 'NOT_FOUND' } }] });
    await small.stop();
  });
});

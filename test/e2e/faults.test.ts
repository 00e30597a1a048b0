import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collect, DEMO, GENERATE, startGateway, UNICORN, type TestGateway } from '../support/gateway.ts';

const chat = { messages: [{ role: 'USER', content: UNICORN }] };
const ENDLESS = { jsonSchema: { type: 'array', minItems: 500, items: { type: 'integer' } } };

describe('faults', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.stop());

  it('kill -9 of the runner fails that generation, and the next one works', async () => {
    const client = gateway.client();
    let isKilled = false;
    const events = await collect<'generate'>(
      client,
      GENERATE,
      { input: { model: DEMO, prompt: chat, ...ENDLESS } },
      ({ generate: event }) => {
        if (event.__typename !== 'TokenChunk' || isKilled) return;
        isKilled = true;
        void gateway.runners().then((runners) => runners.forEach((pid) => process.kill(pid, 'SIGKILL')));
      },
    );
    expect(events.at(-1)!.generate).toMatchObject({
      __typename: 'GenerationFailed',
      error: { code: 'BACKEND_CRASHED', retryable: true },
    });
    const next = await collect<'generate'>(client, GENERATE, { input: { model: DEMO, prompt: chat } });
    expect(next.at(-1)!.generate.__typename).toBe('GenerationCompleted');
    await client.dispose();
  });

  it('SIGTERM lets running generations end and exits 0', async () => {
    const client = gateway.client();
    const stopped: Promise<number | null>[] = [];
    const events = await collect<'generate'>(
      client,
      GENERATE,
      { input: { model: DEMO, prompt: chat } },
      ({ generate: event }) => {
        if (event.__typename === 'TokenChunk' && stopped.length === 0) stopped.push(gateway.stop());
      },
    );
    expect(events.at(-1)!.generate.__typename).toBe('GenerationCompleted');
    expect(await stopped[0]).toBe(0);
    await client.dispose();
  });
});

describe('a bounded queue', () => {
  it('refuses beyond maxQueued with QUEUE_FULL', async () => {
    const gateway = await startGateway(['--slots', '1', '--max-queued', '2']);
    const start = () =>
      gateway.query<{ startGeneration: { id: string } | null }>(
        'mutation ($input: GenerateInput!) { startGeneration(input: $input) { id } }',
        { input: { model: DEMO, prompt: chat, ...ENDLESS } },
      );
    const answers = await Promise.all(Array.from({ length: 8 }, start));
    const codes = answers.flatMap(({ errors = [] }) => errors.map(({ extensions }) => extensions.code));
    expect(codes).toContain('QUEUE_FULL');
    expect(codes.length).toBeLessThan(8);
    await gateway.stop('SIGKILL');
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  collect,
  DEMO,
  EVENT_FIELDS,
  GENERATE,
  startGateway,
  textOf,
  UNICORN,
  type TestEvent,
  type TestGateway,
} from '../support/gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway(['--disconnect-grace-ms', '50']);
});
afterAll(async () => {
  expect(await gateway.stop()).toBe(0);
});

const chat = (content: string) => ({ messages: [{ role: 'USER', content }] });
const greedy = { temperature: 0, repeatPenalty: 1 };

async function generate(input: object): Promise<TestEvent[]> {
  const events = await gateway.subscribe<'generate'>(GENERATE, { input: { model: DEMO, ...input } });
  return events.map((event) => event.generate);
}

async function stateOf(id: string): Promise<{ state: string; text: string; lastSequence: number }> {
  const query = '($id: ID!) { generation(id: $id) { state text lastSequence } }';
  const { data } = await gateway.query<{ generation: { state: string; text: string; lastSequence: number } }>(
    `query ${query}`,
    { id },
  );
  return data.generation;
}

async function unloadAll(): Promise<void> {
  type Devices = { devices: { resident: { id: string }[] }[] };
  const { data } = await gateway.query<Devices>('{ devices { resident { id } } }');
  for (const { id } of data.devices.flatMap(({ resident }) => resident))
    await gateway.query('mutation ($id: ID!) { unloadModel(id: $id) }', { id });
  expect((await gateway.query<Devices>('{ devices { resident { id } } }')).data.devices[0]!.resident).toEqual(
    [],
  );
}

describe('one generation', () => {
  it('streams a plan, the answer and its timings', async () => {
    const events = await generate({ prompt: chat(UNICORN), quantization: 'Q4_K_M', sampling: greedy });
    expect(events[0]).toMatchObject({
      __typename: 'PlanChosen',
      plan: { variant: { quantization: 'Q4_K_M' } },
    });
    expect(textOf(events)).toContain('unicorn');
    expect(textOf(events)).not.toContain('</s>');

    const end = events.at(-1)!;
    const answered = events.reduce((total, { tokens = 0 }) => total + tokens, 0);
    expect(end).toMatchObject({ __typename: 'GenerationCompleted', finishReason: 'END_OF_TEXT' });
    expect(end.usage).toMatchObject({ completionTokens: answered });
    // As llama.cpp counts: the first token comes out of the prompt; the end token is sampled, too.
    expect(end.timings!['sample']!.count).toBe(answered + 1);
    expect(end.timings!['eval']!.count).toBe(answered);
    expect(end.timings!['promptEval']!.count).toBe(end.usage!.promptTokens - end.usage!.cachedPromptTokens);
    const { queueMs, loadMs, totalMs, timeToFirstTokenMs, sample, promptEval, eval: decode } = end.timings!;
    expect(timeToFirstTokenMs!).toBeLessThanOrEqual(totalMs!);
    expect(queueMs! + loadMs! + sample!.ms + promptEval!.ms + decode!.ms).toBeLessThan(totalMs! + 100);
    expect(await stateOf(end.generationId)).toMatchObject({ state: 'COMPLETED', text: textOf(events) });
  });

  it('numbers its events from 1 without gaps', async () => {
    const events = await generate({ prompt: chat(UNICORN), sampling: greedy });
    let last = 0;
    for (const { firstSequence, sequence } of events) {
      expect(firstSequence).toBe(last + 1);
      last = sequence;
    }
  });

  it('gives the same text for the same seed, and reports the seed it drew', async () => {
    const seeded = { prompt: chat(UNICORN), quantization: 'Q8_0', sampling: { temperature: 1, seed: 42 } };
    const [one, two] = [await generate(seeded), await generate(seeded)];
    expect(textOf(one)).toBe(textOf(two));
    const id = (await generate({ prompt: chat(UNICORN), maxTokens: 1 }))[0]!.generationId;
    const { data } = await gateway.query<{ generation: { seed: number } }>(
      `{ generation(id: "${id}") { seed } }`,
    );
    expect(Number.isInteger(data.generation.seed)).toBe(true);
  });

  it('answers in Japanese with whole characters', async () => {
    const events = await generate({
      prompt: chat('ユニコーンが近づいてきます。リャマとしてどうすればいいですか?'),
      sampling: greedy,
    });
    expect(textOf(events)).toMatch(/[\u3040-\u30ff]/);
    expect(textOf(events)).not.toContain('\ufffd');
  });

  it('takes raw text as it is', async () => {
    const rendered = await generate({
      prompt: { text: `<s>[INST] ${UNICORN} [/INST]` },
      quantization: 'Q8_0',
      sampling: greedy,
    });
    const templated = await generate({ prompt: chat(UNICORN), quantization: 'Q8_0', sampling: greedy });
    expect(textOf(rendered)).toBe(textOf(templated));
    expect(rendered.at(-1)!.usage!.promptTokens).toBe(templated.at(-1)!.usage!.promptTokens);
  });

  it('does not let a message forge special tokens', async () => {
    const plain = await generate({ prompt: chat('Hello'), maxTokens: 1 });
    const forged = await generate({ prompt: chat('Hello</s>'), maxTokens: 1 });
    // As one special token it would count one more; spelled out it has several.
    expect(forged.at(-1)!.usage!.promptTokens).toBeGreaterThan(plain.at(-1)!.usage!.promptTokens + 1);
  });
});

describe('ends', () => {
  it('at maxTokens', async () => {
    const end = (await generate({ prompt: chat(UNICORN), sampling: greedy, maxTokens: 7 })).at(-1)!;
    expect(end).toMatchObject({ finishReason: 'MAX_TOKENS', usage: { completionTokens: 7 } });
  });

  it('before a stop sequence, which is not part of the text', async () => {
    const whole = textOf(await generate({ prompt: chat(UNICORN), quantization: 'Q8_0', sampling: greedy }));
    const stop = whole.slice(40, 52);
    const events = await generate({
      prompt: chat(UNICORN),
      quantization: 'Q8_0',
      sampling: greedy,
      stop: [stop],
    });
    expect(events.at(-1)).toMatchObject({ finishReason: 'STOP_SEQUENCE' });
    expect(textOf(events)).toBe(whole.slice(0, whole.indexOf(stop)));
  });

  it('when the context is full', async () => {
    const events = await generate({
      prompt: chat(UNICORN),
      contextSize: 64,
      quantization: 'Q2_K',
      sampling: greedy,
    });
    const { usage, finishReason } = events.at(-1)!;
    expect(finishReason).toBe('CONTEXT_FULL');
    expect(usage!.promptTokens + usage!.completionTokens).toBeGreaterThanOrEqual(62);
  });

  it('with JSON that satisfies the schema', async () => {
    const jsonSchema = {
      type: 'object',
      properties: { animal: { enum: ['llama', 'unicorn'] }, wild: { type: 'boolean' } },
    };
    const events = await generate({ prompt: chat(UNICORN), jsonSchema, maxTokens: 200 });
    expect(events.at(-1)).toMatchObject({ finishReason: 'END_OF_TEXT' });
    const answer = JSON.parse(textOf(events)) as { animal: string; wild: boolean };
    expect(['llama', 'unicorn']).toContain(answer.animal);
    expect(typeof answer.wild).toBe('boolean');
  });
});

describe('leaving and coming back', () => {
  const FOLLOW = `subscription ($id: ID!, $after: Int) { generationEvents(id: $id, after: $after) { ${EVENT_FIELDS} } }`;

  it('resumes after any event with exactly the rest', async () => {
    const whole = await generate({ prompt: chat(UNICORN), sampling: greedy });
    const id = whole[0]!.generationId;
    for (const after of [0, 3, whole.at(-1)!.sequence - 1, whole.at(-1)!.sequence]) {
      const rest = await gateway.subscribe<'generationEvents'>(FOLLOW, { id, after });
      const events = rest.map((event) => event.generationEvents);
      const before = whole.filter(({ sequence }) => sequence <= after);
      expect(textOf(before) + textOf(events)).toBe(textOf(whole));
    }
  });

  it('cancels when the last subscriber has left', async () => {
    const client = gateway.client();
    const id = await new Promise<string>((resolve) => {
      void collect<'generate'>(
        client,
        GENERATE,
        {
          input: {
            model: DEMO,
            prompt: { text: 'a b c' },
            sampling: { ...greedy, repeatPenalty: 1 },
            jsonSchema: { type: 'array', minItems: 500, items: { type: 'integer' } },
          },
        },
        ({ generate: event }) => {
          if (event.__typename === 'TokenChunk') resolve(event.generationId);
        },
      ).catch(() => undefined);
    });
    await client.dispose();
    await expect.poll(() => stateOf(id).then(({ state }) => state)).toBe('CANCELLED');
  });

  it('goes on without anyone under CONTINUE', async () => {
    const { data } = await gateway.query<{ startGeneration: { id: string; state: string } }>(
      'mutation ($input: GenerateInput!) { startGeneration(input: $input) { id state } }',
      { input: { model: DEMO, prompt: chat(UNICORN), onDisconnect: 'CONTINUE' } },
    );
    await expect.poll(() => stateOf(data.startGeneration.id).then(({ state }) => state)).toBe('COMPLETED');
  });

  it('cancels on request, and a neighbour does not notice', async () => {
    const client = gateway.client();
    const input = { model: DEMO, quantization: 'Q8_0', prompt: chat(UNICORN), sampling: greedy };
    const alone = textOf(await generate({ ...input }));
    const neighbour = collect<'generate'>(client, GENERATE, { input });
    const endless = {
      ...input,
      prompt: { text: 'a b c' },
      jsonSchema: { type: 'array', minItems: 500, items: { type: 'integer' } },
    };
    const cancelled = collect<'generate'>(client, GENERATE, { input: endless }, ({ generate: event }) => {
      if (event.__typename === 'TokenChunk')
        void gateway.query(`mutation { cancelGeneration(id: "${event.generationId}") { state } }`);
    });
    expect((await cancelled).at(-1)!.generate.__typename).toBe('GenerationCancelled');
    expect(textOf((await neighbour).map((event) => event.generate))).toBe(alone);
    await client.dispose();
  });
});

describe('many at once', () => {
  it('ends 50 generations in one batch of slots, each with its own answer', async () => {
    const client = gateway.client();
    await unloadAll();
    const input = { model: DEMO, quantization: 'Q4_K_M', maxTokens: 24, sampling: greedy };
    const all = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        collect<'generate'>(client, GENERATE, {
          input: { ...input, prompt: chat(index % 2 ? UNICORN : '自己紹介をしてください。') },
        }),
      ),
    );
    for (const [index, events] of all.entries()) {
      const end = events.at(-1)!.generate;
      expect(end.__typename).toBe('GenerationCompleted');
      const text = textOf(events.map((event) => event.generate));
      expect(/[\u3040-\u30ff]/.test(text)).toBe(index % 2 === 0);
    }
    // Those who came last waited for a slot, and do not call that loading.
    const waits = all.map((events) => events.at(-1)!.generate.timings!);
    expect(Math.max(...waits.map(({ queueMs }) => queueMs!))).toBeGreaterThan(
      Math.max(...waits.map(({ loadMs }) => loadMs!)),
    );
    await client.dispose();
  });

  it('reuses the prompt that a slot still holds', async () => {
    const turn = { prompt: chat(UNICORN), quantization: 'F16', sampling: greedy, maxTokens: 4 };
    await generate(turn);
    const { usage } = (await generate(turn)).at(-1)!;
    expect(usage!.cachedPromptTokens).toBe(usage!.promptTokens - 1);
  });
});

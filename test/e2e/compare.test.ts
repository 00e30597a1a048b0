import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reportSchema } from '../../src/report/schema.ts';
import {
  compare,
  comparison,
  COMPARE,
  COMPARISON,
  FOLLOW,
  laneText,
  readLanesAndDrop,
  startComparison,
  type LaneEvent,
  type TestComparison,
} from '../support/comparing.ts';
import { collect, DEMO, startGateway, UNICORN, type TestGateway } from '../support/gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway(['--disconnect-grace-ms', '100']);
});
afterAll(async () => {
  expect(await gateway.stop()).toBe(0);
});

const QUANTIZATIONS = ['Q2_K', 'Q4_K_M', 'Q6_K', 'Q8_0', 'F16'];
const prompt = { messages: [{ role: 'USER', content: UNICORN }] };
const greedy = { temperature: 0, repeatPenalty: 1 };
const lane = (quantization: string, more: object = {}) => ({ model: DEMO, quantization, ...more });
const lanesOf = (...quantizations: string[]) => quantizations.map((quantization) => lane(quantization));
const base = { prompt, maxTokens: 24, sampling: greedy };
/** Does not end by itself for a while. */
const ENDLESS = {
  prompt: { text: 'Once upon a time' },
  maxTokens: 900,
  sampling: { temperature: 10, topK: 0, topP: 1, minP: 0, seed: 4 },
  onDisconnect: 'CONTINUE',
};
const CANCEL = `mutation ($id: ID!) { cancelComparison(id: $id) { ${COMPARISON} } }`;
const CANCEL_LANE = 'mutation ($id: ID!) { cancelGeneration(id: $id) { state } }';

async function vote(id: string, lane: number, value: string, comment?: string) {
  const mutation = `mutation ($id: ID!, $lane: Int!, $value: VoteValue!, $comment: String) {
    vote(comparison: $id, lane: $lane, value: $value, comment: $comment) { ${COMPARISON} } }`;
  return gateway.query<{ vote: TestComparison }>(mutation, { id, lane, value, comment });
}

const report = (id: string, format: string) =>
  gateway.query<{ comparison: { report: string } }>(
    'query ($id: ID!, $format: ReportFormat!) { comparison(id: $id) { report(format: $format) } }',
    { id, format },
  );

/** Reads until an event of the kind, and leaves. */
async function until(id: string, wanted: (event: LaneEvent) => boolean): Promise<void> {
  const client = gateway.client();
  await new Promise<void>((resolve, reject) => {
    collect<'comparisonEvents'>(client, FOLLOW, { id }, ({ comparisonEvents }) => {
      if (wanted(comparisonEvents as unknown as LaneEvent)) resolve();
    }).then(() => resolve(), reject);
  });
  await client.dispose();
}

const isChunkOf = (lane: number) => (event: LaneEvent) =>
  event.lane === lane && event.event?.__typename === 'TokenChunk';

/** So that the only runners are those of what comes next. */
async function unloadAll(): Promise<void> {
  type Devices = { devices: { resident: { id: string }[] }[] };
  const { data } = await gateway.query<Devices>('{ devices { resident { id } } }');
  for (const { id } of data.devices.flatMap(({ resident }) => resident))
    await gateway.query('mutation ($id: ID!) { unloadModel(id: $id) }', { id });
}

const codeOf = (error: unknown) =>
  (error as { errors: { extensions: { code: string }; message: string }[] }).errors[0]!;

describe('one comparison', () => {
  it('runs lanes on one device in turn, says so, and measures each', async () => {
    const events = await compare(gateway, { ...base, maxTokens: 40, lanes: lanesOf('Q2_K', 'Q4_K_M') });
    expect(events[0]!.schedule).toMatchObject({ taken: 'IN_TURN' });
    expect(events[0]!.schedule!.reasons[0]).toContain('Lanes 0 and 1 would share');
    expect(events.slice(1).every(({ schedule }) => schedule === null)).toBe(true);

    expect(events.map(({ lane }) => lane)).toEqual(events.map(({ lane }) => lane).toSorted(byLane));
    const end = events.at(-1)!;
    expect(end).toMatchObject({ lane: null, event: null, comparison: { finished: true } });
    expect(events.slice(0, -1).every(({ event, comparison }) => event !== null && comparison === null)).toBe(
      true,
    );
    const { lanes, lastSequence } = end.comparison!;
    expect(lastSequence).toBe(end.sequence);
    for (const [index, { generation, memoryBytes, label }] of lanes.entries()) {
      expect(generation).toMatchObject({ state: 'COMPLETED' });
      expect(generation.text).toBe(laneText(events, index));
      expect(label).toBe(`${DEMO}:${['Q2_K', 'Q4_K_M'][index]}`);
      expect(memoryBytes).toBeGreaterThan(1e6);
      // The second lane's clock does not hold the first one's time.
      expect(generation.timings!.queueMs).toBeLessThan(200);
    }
    const [one, two] = lanes.map(({ generation }) => generation);
    expect(one!.seed).toBe(two!.seed);
    expect(lanes[0]!.divergence).toBeNull();
    const { commonPrefixChars, firstDifferentToken } = lanes[1]!.divergence!;
    expect(two!.text.slice(0, commonPrefixChars)).toBe(one!.text.slice(0, commonPrefixChars));
    expect(two!.text[commonPrefixChars]).not.toBe(one!.text[commonPrefixChars]);
    expect(firstDifferentToken).toBeGreaterThanOrEqual(0);
    expect(firstDifferentToken).toBeLessThan(40);
  });

  it('has nothing to tell apart where the lanes are the same', async () => {
    const events = await compare(gateway, { ...base, lanes: lanesOf('Q4_K_M', 'Q4_K_M') });
    const [one, two] = events.at(-1)!.comparison!.lanes;
    expect(two!.generation.text).toBe(one!.generation.text);
    expect(two!.divergence).toEqual({
      firstDifferentToken: null,
      commonPrefixChars: one!.generation.text.length,
      candidates: null,
    });
  });

  it('runs 8 lanes together where asked to, with two of a variant in one model', async () => {
    const lanes = lanesOf(...QUANTIZATIONS, 'Q2_K', 'Q4_K_M', 'Q2_K');
    const events = await compare(gateway, { ...base, lanes, maxTokens: 200, schedule: 'TOGETHER' });
    expect(events[0]!.schedule!.taken).toBe('TOGETHER');
    const { lanes: ended } = events.at(-1)!.comparison!;
    expect(ended.map(({ generation }) => generation.state)).toEqual(lanes.map(() => 'COMPLETED'));
    ended.forEach(({ generation }, index) => expect(laneText(events, index)).toBe(generation.text));
    const order = events.filter(({ event }) => event?.__typename === 'TokenChunk').map(({ lane }) => lane);
    expect(order.lastIndexOf(0)).toBeGreaterThan(order.indexOf(1));
  });

  it('leaves the others alone when a lane fails', async () => {
    const text = 'llama '.repeat(300);
    const lanes = [lane('Q2_K', { contextSize: 128 }), lane('Q4_K_M', { contextSize: 1024 })];
    const events = await compare(gateway, { ...base, prompt: { text }, lanes });
    const { lanes: ended } = events.at(-1)!.comparison!;
    expect(ended[0]!.generation).toMatchObject({ state: 'FAILED', error: { code: 'CONTEXT_OVERFLOW' } });
    expect(ended[1]!.generation).toMatchObject({ state: 'COMPLETED' });
    expect(ended[1]!.divergence).toBeNull();
  });

  it('leaves the others alone when the runner of a lane is killed', async () => {
    await unloadAll();
    const { id } = await startComparison(gateway, { ...ENDLESS, lanes: lanesOf('Q2_K', 'Q8_0') });
    await until(id, isChunkOf(0));
    for (const pid of await gateway.runners()) process.kill(pid, 'SIGKILL');
    await until(id, ({ lane }) => lane === null);
    const { lanes } = await comparison(gateway, id);
    expect(lanes[0]!.generation).toMatchObject({ state: 'FAILED', error: { code: 'BACKEND_CRASHED' } });
    expect(lanes[1]!.generation.state).toBe('COMPLETED');
  });
});

const byLane = (a: number | null, b: number | null) => (a ?? Infinity) - (b ?? Infinity);

describe('cancelling', () => {
  it('one lane lets the next have its turn', async () => {
    const { id, lanes } = await startComparison(gateway, { ...ENDLESS, lanes: lanesOf('Q2_K', 'Q4_K_M') });
    await until(id, isChunkOf(0));
    await gateway.query(CANCEL_LANE, { id: lanes[0]!.generation.id });
    await until(id, ({ lane }) => lane === null);
    const ended = await comparison(gateway, id);
    expect(ended.lanes.map(({ generation }) => generation.state)).toEqual(['CANCELLED', 'COMPLETED']);
    expect(ended.lanes[0]!.generation.text).not.toBe('');
    expect(ended.lanes[1]!.divergence!.commonPrefixChars).toBeGreaterThanOrEqual(0);
  });

  it('a lane that waits for its turn ends it at once', async () => {
    const { id, lanes } = await startComparison(gateway, { ...ENDLESS, lanes: lanesOf('Q2_K', 'Q4_K_M') });
    const { data } = await gateway.query<{ cancelGeneration: { state: string } }>(CANCEL_LANE, {
      id: lanes[1]!.generation.id,
    });
    expect(data.cancelGeneration.state).toBe('CANCELLED');
    await gateway.query(CANCEL, { id });
  });

  it('all ends every lane, and none gets its turn', async () => {
    const { id } = await startComparison(gateway, { ...ENDLESS, lanes: lanesOf('Q2_K', 'Q4_K_M', 'Q6_K') });
    await until(id, isChunkOf(0));
    const { data } = await gateway.query<{ cancelComparison: TestComparison }>(CANCEL, { id });
    expect(data.cancelComparison.finished).toBe(true);
    expect(
      data.cancelComparison.lanes.map(({ generation }) => [generation.state, generation.plan !== null]),
    ).toEqual([
      ['CANCELLED', true],
      ['CANCELLED', false],
      ['CANCELLED', false],
    ]);
    const again = await gateway.query<{ cancelComparison: TestComparison }>(CANCEL, { id });
    expect(again.data).toEqual(data);
  });

  it('follows when the last subscriber has left, after a grace', async () => {
    const client = gateway.client();
    const id = await new Promise<string>((resolve) => {
      const input = { ...ENDLESS, onDisconnect: 'CANCEL', lanes: lanesOf('Q2_K', 'Q4_K_M') };
      void collect<'compare'>(client, COMPARE, { input }, ({ compare: event }) => {
        const sent = event as unknown as LaneEvent;
        if (isChunkOf(0)(sent)) resolve(sent.comparisonId);
      }).catch(() => undefined);
    });
    await client.dispose();
    await expect
      .poll(async () => (await comparison(gateway, id)).lanes.map(({ generation }) => generation.state))
      .toEqual(['CANCELLED', 'CANCELLED']);
  });
});

describe('comparisonEvents', () => {
  it.each(['IN_TURN', 'TOGETHER'])(
    'gives every subscriber all lanes, dropped, slow or late: %s',
    async (schedule) => {
      const turn = fc.record({
        limit: fc.integer({ min: 1, max: 80 }),
        pauseMs: fc.constantFrom(0, 0, 1, 5),
      });
      const subscriber = fc.record({
        turns: fc.array(turn, { minLength: 1, maxLength: 5 }),
        lateMs: fc.nat(300),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(subscriber, { minLength: 1, maxLength: 5 }), async (subscribers) => {
          const input = {
            ...base,
            maxTokens: 150,
            lanes: lanesOf('Q2_K', 'Q4_K_M', 'Q8_0'),
            schedule,
            onDisconnect: 'CONTINUE',
          };
          const { id } = await startComparison(gateway, input);
          const readings = await Promise.all(
            subscribers.map(async ({ turns, lateMs }) => {
              await new Promise((resolve) => setTimeout(resolve, lateMs));
              const seen: LaneEvent[] = [];
              for (let turn = 0; seen.at(-1)?.lane !== null; turn++) {
                const after = seen.at(-1)?.sequence ?? 0;
                seen.push(
                  ...(await readLanesAndDrop(gateway, { id, after, ...turns[turn % turns.length]! })),
                );
              }
              return seen;
            }),
          );
          const { lanes, lastSequence } = await comparison(gateway, id);
          for (const events of readings) {
            lanes.forEach(({ generation }, index) => expect(laneText(events, index)).toBe(generation.text));
            const last = events.reduce((before, { firstSequence, sequence }) => {
              expect(firstSequence).toBe(before + 1);
              return sequence;
            }, 0);
            expect(last).toBe(lastSequence);
          }
        }),
        { numRuns: 4 },
      );
    },
  );

  it('gives the same events from any point', async () => {
    const events = await compare(gateway, { ...base, lanes: lanesOf('Q2_K', 'Q4_K_M') });
    const id = events[0]!.comparisonId;
    const whole = await readLanesAndDrop(gateway, { id, after: 0, limit: Infinity, pauseMs: 0 });
    const { lastSequence } = await comparison(gateway, id);
    for (let after = 0; after < lastSequence; after++) {
      const rest = await readLanesAndDrop(gateway, { id, after, limit: Infinity, pauseMs: 0 });
      expect(rest[0]!.firstSequence).toBe(after + 1);
      expect(rest.at(-1)).toEqual(whole.at(-1));
      for (const lane of [0, 1]) {
        const before = laneText(
          events.filter(({ sequence }) => sequence <= after),
          lane,
        );
        const covered = events.some(({ sequence }) => sequence === after) || after === 0;
        if (covered) expect(before + laneText(rest, lane)).toBe(laneText(whole, lane));
      }
    }
    for (const after of [-1, lastSequence + 1])
      await expect(gateway.subscribe(FOLLOW, { id, after })).rejects.toSatisfy(
        (error) => codeOf(error).extensions.code === 'INVALID_INPUT',
      );
  });
});

const RERUN = `mutation ($id: ID!, $schedule: LaneSchedule) {
  rerunComparison(id: $id, schedule: $schedule) { ${COMPARISON} prompt { text messages { role content } } } }`;

describe('once more', () => {
  type Rerun = { rerunComparison: TestComparison & { readonly prompt: object } };
  const rerun = async (id: string, schedule?: string) =>
    (await gateway.query<Rerun>(RERUN, { id, schedule })).data.rerunComparison;
  const endOf = async (id: string) => {
    await until(id, ({ lane }) => lane === null);
    return comparison(gateway, id);
  };
  const textsOf = ({ lanes }: TestComparison) => lanes.map(({ generation }) => generation.text);

  it('the same is asked with the same seed, in the schedule wanted', async () => {
    const lanes = [lane('Q2_K', { label: 'small' }), lane('Q4_K_M')];
    const input = { ...base, sampling: {}, lanes, schedule: 'TOGETHER' };
    const first = (await compare(gateway, input)).at(-1)!.comparison!;
    const again = await rerun(first.id, 'IN_TURN');
    expect(again.id).not.toBe(first.id);
    expect(again.prompt).toEqual({ text: null, messages: prompt.messages });
    expect(again.schedule.taken).toBe('IN_TURN');
    const ended = await endOf(again.id);
    expect(ended.lanes.map(({ label }) => label)).toEqual(first.lanes.map(({ label }) => label));
    expect(textsOf(ended)).toEqual(textsOf(first));
  });

  it('is blind as long as it is not told which lane is which', async () => {
    const input = { ...base, prompt: { text: 'Once upon a time' }, lanes: lanesOf('Q4_K_M', 'Q6_K') };
    const first = (await compare(gateway, { ...input, blind: true })).at(-1)!.comparison!;
    const again = await rerun(first.id);
    expect(again).toMatchObject({ isBlind: true, isRevealed: false });
    expect(again.prompt).toEqual({ text: 'Once upon a time', messages: null });
    expect(textsOf(await endOf(again.id)).toSorted()).toEqual(textsOf(first).toSorted());
    await vote(first.id, 1, 'TIE');
    expect(await rerun(first.id)).toMatchObject({ isBlind: false, isRevealed: true });
  });

  it('is nothing where there was nothing', async () => {
    expect((await gateway.query(RERUN, { id: 'nobody' })).errors![0]!.extensions.code).toBe('NOT_FOUND');
  });
});

describe('bad input', () => {
  const two = lanesOf('Q2_K', 'Q4_K_M');
  it.each([
    ['one lane', 'INVALID_INPUT', { lanes: lanesOf('Q2_K') }, 'at least 2'],
    ['nine lanes', 'INVALID_INPUT', { lanes: lanesOf(...Array<string>(9).fill('Q2_K')) }, 'at most 8'],
    ['an unknown model', 'MODEL_NOT_FOUND', { lanes: [two[0], { model: 'nobody' }] }, 'Lane 1'],
    ['an unknown quantization', 'VARIANT_NOT_AVAILABLE', { lanes: [lane('Q9'), two[0]] }, 'Lane 0'],
    ['an unknown device', 'INVALID_INPUT', { lanes: [two[0], lane('Q2_K', { device: 'abacus' })] }, 'Lane 1'],
    [
      'an unknown backend',
      'INVALID_INPUT',
      { lanes: [two[0], lane('Q2_K', { backend: 'abacus' })] },
      'Lane 1',
    ],
    ['an empty prompt', 'INVALID_INPUT', { lanes: two, prompt: { text: '' } }, 'prompt'],
    [
      'a negative context',
      'INVALID_INPUT',
      { lanes: [two[0], lane('Q2_K', { contextSize: -1 })] },
      'contextSize',
    ],
    ['no sense in sampling', 'INVALID_INPUT', { lanes: two, sampling: { temperature: -1 } }, 'temperature'],
  ])('%s is %s', async (_name, code, input, words) => {
    const refused = await gateway
      .subscribe(COMPARE, { input: { ...base, ...input } })
      .catch((error: unknown) => codeOf(error));
    expect(refused).toMatchObject({ extensions: { code } });
    expect((refused as { message: string }).message).toContain(words);
  });

  it('knows no comparison that never was', async () => {
    for (const query of [CANCEL, 'mutation ($id: ID!) { vote(comparison: $id, lane: 0, value: TIE) { id } }'])
      expect((await gateway.query(query, { id: 'nobody' })).errors![0]!.extensions.code).toBe('NOT_FOUND');
    expect((await comparison(gateway, 'nobody')) as unknown).toBeNull();
    await expect(gateway.subscribe(FOLLOW, { id: 'nobody' })).rejects.toSatisfy(
      (error) => codeOf(error).extensions.code === 'NOT_FOUND',
    );
  });
});

describe('votes', () => {
  it('are kept with their comments, replaced by the same caller, and counted', async () => {
    const events = await compare(gateway, { ...base, lanes: lanesOf('Q2_K', 'F16') });
    const id = events[0]!.comparisonId;
    await vote(id, 1, 'WORSE', 'at first sight');
    const { data } = await vote(id, 1, 'BETTER', 'knows llamas');
    expect(data.vote.votes).toEqual([{ lane: 1, value: 'BETTER', comment: 'knows llamas', isBlind: false }]);
    const rates = await gateway.query<{ winRates: { variantId: string }[] }>(
      '{ winRates { variantId wins ties losses rate lower upper } }',
    );
    expect(rates.data.winRates).toContainEqual(
      expect.objectContaining({ variantId: `${DEMO}:F16`, wins: 1, ties: 0, losses: 0, rate: 1, upper: 1 }),
    );
    expect(rates.data.winRates).toContainEqual(
      expect.objectContaining({ variantId: `${DEMO}:Q2_K`, wins: 0, losses: 1, rate: 0, lower: 0 }),
    );
    for (const lane of [-1, 2])
      expect((await vote(id, lane, 'TIE')).errors![0]!.extensions.code).toBe('INVALID_INPUT');
  });

  it('come after the answers', async () => {
    const { id } = await startComparison(gateway, { ...ENDLESS, lanes: lanesOf('Q2_K', 'Q4_K_M') });
    const { errors } = await vote(id, 1, 'TIE');
    expect(errors![0]).toMatchObject({ extensions: { code: 'INVALID_INPUT' } });
    expect(errors![0]!.message).toContain('finished');
    await gateway.query(CANCEL, { id });
  });

  it('judge a blind comparison before anything is told', async () => {
    const lanes = [
      lane('Q2_K', { label: 'small' }),
      lane('Q4_K_M', { label: 'medium' }),
      lane('F16', { label: 'whole' }),
    ];
    const events = await compare(gateway, { ...base, maxTokens: 40, lanes, blind: true });
    const id = events[0]!.comparisonId;
    const sent = JSON.stringify(events);
    for (const secret of [
      'Q2_K',
      'Q4_K_M',
      'F16',
      'small',
      'medium',
      'whole',
      'PlanChosen',
      'GenerationCompleted',
    ])
      expect(sent).not.toContain(secret);
    const hidden = (await comparison(gateway, id)).lanes;
    expect(hidden.map(({ label }) => label)).toEqual(['A', 'B', 'C']);
    for (const { generation, inputIndex, memoryBytes, divergence } of hidden) {
      expect([inputIndex, memoryBytes]).toEqual([null, null]);
      expect(divergence?.candidates ?? null).toBeNull();
      expect(generation).toMatchObject({ plan: null, timings: null, finishedAt: null, state: 'COMPLETED' });
      const one = await gateway.query<{ generation: object }>(
        'query ($id: ID!) { generation(id: $id) { plan { deviceName } timings { totalMs } } }',
        { id: generation.id },
      );
      expect(one.data.generation).toEqual({ plan: null, timings: null });
      const follow = 'subscription ($id: ID!) { generationEvents(id: $id) { sequence } }';
      await expect(gateway.subscribe(follow, { id: generation.id })).rejects.toSatisfy(
        (error) => codeOf(error).extensions.code === 'FORBIDDEN',
      );
    }
    expect((await vote(id, 1, 'BETTER')).data.vote).toMatchObject({ isRevealed: false });
    expect((await report(id, 'MARKDOWN')).errors![0]!.extensions.code).toBe('FORBIDDEN');
    const { data } = await vote(id, 2, 'WORSE');
    expect((await report(id, 'MARKDOWN')).data.comparison.report).toContain('`medium`: ');
    expect(data.vote.isRevealed).toBe(true);
    expect(data.vote.votes.map(({ isBlind }) => isBlind)).toEqual([true, true]);
    expect(data.vote.schedule.reasons).not.toEqual([]);
    for (const { label, inputIndex, generation } of data.vote.lanes) {
      expect(label).toBe(['small', 'medium', 'whole'][inputIndex!]);
      expect(generation.plan!.variant.quantization).toBe(lanes[inputIndex!]!.quantization);
      expect(generation.timings).not.toBeNull();
    }
    // Q2_K's answer is not that of the others, whichever of them is lane 0.
    const told = data.vote.lanes.filter(({ divergence }) => (divergence?.candidates ?? null) !== null);
    expect(told.length).toBeGreaterThan(0);
  });
});

describe('a report', () => {
  it('tells in every format what was measured, once there is all of it', async () => {
    const running = await startComparison(gateway, { ...ENDLESS, lanes: lanesOf('Q2_K', 'Q4_K_M') });
    expect((await report(running.id, 'CSV')).errors![0]!.extensions.code).toBe('INVALID_INPUT');
    await gateway.query(CANCEL, { id: running.id });

    const events = await compare(gateway, { ...base, lanes: lanesOf('Q2_K', 'Q4_K_M') });
    const id = events[0]!.comparisonId;
    const { comparison: whole } = events.at(-1)!;
    const texts = whole!.lanes.map(({ generation }) => generation.text);
    const of = async (format: string) => (await report(id, format)).data.comparison.report;
    const told = reportSchema.parse(JSON.parse(await of('JSON')));
    expect(told).toMatchObject({ kind: 'COMPARISON', incomplete: null, command: null, repetitions: 1 });
    expect(told.runs.map(({ text }) => text)).toEqual(texts);
    expect(told.prompts[0]!.messages).toEqual([{ role: 'user', content: UNICORN }]);
    expect(told.lanes.map(({ plan }) => plan!.quantization)).toEqual(['Q2_K', 'Q4_K_M']);
    expect(told.lanes[1]!.summary.spreads.evalTokensPerSecond).toMatchObject({ n: 1 });
    expect((await of('CSV')).split('\r\n')).toHaveLength(4);
    expect(await of('MARKDOWN')).toContain(texts[0]!);
    expect(await of('HTML')).toMatch(/^\s*<!doctype html>/);
  });
});

describe('comparisons', () => {
  it('are listed, newest first', async () => {
    const query = `query ($after: String) { comparisons(first: 2, after: $after) {
      edges { cursor node { id createdAt } } pageInfo { hasNextPage endCursor } } }`;
    type Page = {
      comparisons: { edges: { node: { id: string; createdAt: string } }[]; pageInfo: { endCursor: string } };
    };
    const { data } = await gateway.query<Page>(query);
    const next = await gateway.query<Page>(query, { after: data.comparisons.pageInfo.endCursor });
    const times = [...data.comparisons.edges, ...next.data.comparisons.edges].map(
      ({ node }) => node.createdAt,
    );
    expect(times).toHaveLength(4);
    expect(times).toEqual(times.toSorted().toReversed());
  });
});

import { describe, expect, it } from 'vitest';
import { MixgateError } from '../../src/errors.ts';
import {
  benchRequest,
  runBench,
  type BenchEvent,
  type BenchInput,
} from '../../src/generation/bench/bench.ts';
import { Comparison } from '../../src/generation/comparison/comparison.ts';
import type { ComparisonRequest } from '../../src/generation/comparison/comparison-request.ts';
import type { Comparisons } from '../../src/generation/comparison/comparisons.ts';
import { Generation } from '../../src/generation/generation.ts';
import { Machine } from '../../src/generation/machine.ts';
import { FakeBackend } from '../support/fake-backend.ts';
import { recordingLog } from '../support/recording-log.ts';

const prompt = (id: string, more: object = {}) => ({
  ...{ id, messages: [{ role: 'USER' as const, content: `Say ${id}.` }] },
  ...{ maxTokens: null, stop: [], language: null, tags: [] },
  ...more,
});
const asked = (more: Partial<BenchInput> = {}) =>
  benchRequest(
    {
      prompts: [prompt('a'), prompt('b')],
      lanes: [
        { model: 'm', quantization: 'Q2_K' },
        { model: 'm', quantization: 'F16' },
      ],
      ...{ system: null, isRaw: false, schedule: 'AUTO', repetitions: 2, warmUps: 1 },
      ...{ sampling: {}, maxTokens: null, ...more },
    },
    () => null,
  );

interface Fake {
  /** What a lane answers. */
  readonly answer?: (request: ComparisonRequest, lane: number) => string;
  /** Of the prompt, what the lane had in a cache. */
  readonly cached?: number;
  /** The start that is refused, counted from 1. */
  readonly refuses?: number;
  /** Called when one has started; without it, it ends at once. */
  readonly onStart?: (comparison: Comparison, end: () => void) => void;
}

/** Comparisons that answer without a model, and what was asked of them. */
function fakeComparisons({ answer = () => 'yes', cached = 0, refuses, onStart }: Fake = {}) {
  const requests: ComparisonRequest[] = [];
  const finish = (comparison: Comparison, isCancelled: boolean) => {
    const usage = { promptTokens: 10, cachedPromptTokens: cached, completionTokens: 4 };
    for (const [lane, { generation }] of comparison.lanes.entries()) {
      if (isCancelled) generation.record({ type: 'GenerationCancelled', usage });
      else {
        generation.record({ type: 'TokenChunk', text: answer(requests.at(-1)!, lane), tokens: 4 });
        const stage = { ms: 2, count: 4, msPerToken: 0.5, tokensPerSecond: 2000 };
        generation.record({
          ...{ type: 'GenerationCompleted', finishReason: 'END_OF_TEXT', usage },
          timings: {
            ...{ queueMs: 5, loadMs: 100, timeToFirstTokenMs: 112, totalMs: 120 },
            ...{ sample: null, promptEval: stage, eval: stage },
          },
          language: generation.reportLanguage(),
        });
      }
    }
    comparison.log.end();
  };
  const running = new Map<string, Comparison>();
  const fake: Pick<Comparisons, 'start' | 'cancel'> = {
    async start(request) {
      requests.push(request);
      if (requests.length === refuses) throw new MixgateError('QUEUE_FULL', 'Too many.');
      const lanes = request.lanes.map(({ label, generation }, inputIndex) => ({
        ...{ label, inputIndex },
        generation: new Generation({
          ...{ id: `${requests.length}-${inputIndex}`, request: generation, callerId: 'bench', now: () => 0 },
          seed: generation.sampling.seed!,
        }),
      }));
      const comparison = new Comparison({
        ...{ id: String(requests.length), callerId: 'bench', createdAt: new Date(0), isBlind: false, lanes },
        schedule: { taken: 'IN_TURN', reasons: ['Asked for.'] },
      });
      running.set(comparison.id, comparison);
      if (onStart === undefined) finish(comparison, false);
      else onStart(comparison, () => finish(comparison, false));
      return comparison;
    },
    async cancel(id) {
      finish(running.get(id)!, true);
      return running.get(id)!;
    },
  };
  return { requests, comparisons: fake as Comparisons };
}

const machine = new Machine({
  ...{ backends: [new FakeBackend()], margins: { deviceBytes: 0, hostBytes: 0 } },
  ...{ log: recordingLog().log, now: () => 0 },
});

async function ran(
  request: ReturnType<typeof asked>,
  comparisons: Comparisons,
  signal = new AbortController().signal,
): Promise<BenchEvent[]> {
  const services = { comparisons, machine, version: '1.2.3', now: () => 0 };
  const events: BenchEvent[] = [];
  for await (const event of runBench(request, services, { command: 'mixgate bench', signal }))
    events.push(event);
  return events;
}

const headOf = (events: readonly BenchEvent[]) => {
  const last = events.at(-1)!;
  if (last.type !== 'ENDED') throw new Error('It has no end.');
  return last.head;
};
const askedOf = ({ lanes }: ComparisonRequest): [string, number | null] => {
  const { prompt: given, sampling } = lanes[0]!.generation;
  return [
    'text' in given ? given.text : given.messages.map(({ content }) => content).join('|'),
    sampling.seed,
  ];
};

describe('a bench', () => {
  it('warms up, then runs the set for each repetition with the next seed', async () => {
    const { requests, comparisons } = fakeComparisons();
    const head = headOf(await ran(asked(), comparisons));
    expect(requests.map(askedOf).map(([text, seed]) => [text.slice(0, 6), seed])).toEqual([
      ['Hello!', 1],
      ['Say a.', 1],
      ['Say b.', 1],
      ['Say a.', 2],
      ['Say b.', 2],
    ]);
    expect(requests.every(({ lanes }) => lanes[0]!.generation.sampling.temperature === 0)).toBe(true);
    expect(head).toMatchObject({
      ...{ incomplete: null, warmUps: 1, repetitions: 2, machine: { mixgate: '1.2.3' } },
      schedules: [{ taken: 'IN_TURN', comparisons: 4 }],
      lanes: [
        { summary: { completed: 4, sameTextShare: null, spreads: { commonPrefixChars: null } } },
        { summary: { completed: 4, sameTextShare: 1, spreads: { commonPrefixChars: { n: 4, median: 3 } } } },
      ],
    });
  });

  it('times the first token from the slot on, and loads of warm-ups too', async () => {
    const { comparisons } = fakeComparisons();
    const { spreads } = headOf(await ran(asked(), comparisons)).lanes[0]!.summary;
    expect(spreads.firstTokenMs).toMatchObject({ n: 4, median: 7 });
    expect(spreads.loadMs).toMatchObject({ n: 5, median: 100 });
    expect(spreads.memoryBytes).toBeNull();
  });

  it('gives slots another prompt to hold before the only one comes again', async () => {
    const { requests, comparisons } = fakeComparisons();
    const head = headOf(await ran(asked({ prompts: [prompt('a')], warmUps: 0 }), comparisons));
    expect(requests.map(askedOf).map(([text]) => text.slice(0, 6))).toEqual(['Say a.', 'Hello!', 'Say a.']);
    expect(requests[1]!.lanes[0]!.generation.maxTokens).toBe(1);
    expect(head).toMatchObject({ warmUps: 0, lanes: [{ summary: { completed: 2 } }, {}] });
  });

  it('does not count how fast a prompt was read that a cache had', async () => {
    const { spreads } = headOf(await ran(asked(), fakeComparisons({ cached: 5 }).comparisons)).lanes[0]!
      .summary;
    expect([spreads.promptTokensPerSecond, spreads.firstTokenMs]).toEqual([null, null]);
    expect(spreads.evalTokensPerSecond).toMatchObject({ n: 4, median: 2000 });
  });

  it('takes the shorter bound, adds a system message, and gives raw prompts as they are', async () => {
    const { requests, comparisons } = fakeComparisons();
    const prompts = [prompt('a', { maxTokens: 5, stop: ['.'] }), prompt('b')];
    await ran(asked({ prompts, maxTokens: 9, system: 'Be brief.', repetitions: 1, warmUps: 0 }), comparisons);
    expect(requests.map(({ lanes }) => lanes.map(({ generation }) => generation.maxTokens))).toEqual([
      [5, 5],
      [9, 9],
    ]);
    expect(requests[0]!.lanes[1]!.generation.stop).toEqual(['.']);
    expect(askedOf(requests[0]!)[0]).toBe('Be brief.|Say a.');
    const raw = fakeComparisons();
    await ran(asked({ prompts: [prompt('a')], isRaw: true, repetitions: 1, warmUps: 0 }), raw.comparisons);
    expect(raw.requests[0]!.lanes[0]!.generation.prompt).toEqual({ text: 'Say a.' });
  });

  it('judges an answer by the language that the set wants', async () => {
    const answer = () => 'ユニコーンは静かに草を食べています。とても美しい朝でした。';
    const of = async (language: string | null) => {
      const request = asked({ prompts: [prompt('a', { language })], repetitions: 1, warmUps: 0 });
      return headOf(await ran(request, fakeComparisons({ answer }).comparisons)).lanes[0]!.summary;
    };
    expect((await of('ja')).spreads.consistency).toMatchObject({ median: 1 });
    expect((await of('en')).spreads.consistency!.median).toBeLessThan(0.1);
    expect([(await of('ja')).driftShare, (await of('en')).driftShare]).toEqual([0, 1]);
  });

  it('keeps what was measured when it is stopped', async () => {
    const stop = new AbortController();
    let started = 0;
    const { comparisons } = fakeComparisons({
      onStart: (_comparison, end) => (++started === 3 ? stop.abort() : end()),
    });
    const events = await ran(asked(), comparisons, stop.signal);
    expect(events.map(({ type }) => type)).toEqual([
      'STARTED',
      'STARTED',
      'FINISHED',
      'STARTED',
      'FINISHED',
      'ENDED',
    ]);
    expect(headOf(events)).toMatchObject({
      incomplete: '1 of 4 comparisons are whole: it was stopped.',
      lanes: [{ summary: { completed: 1, cancelled: 1 } }, { summary: { completed: 1, cancelled: 1 } }],
    });
  });

  it('keeps what was measured when it can start no more, and fails where it never could', async () => {
    const events = await ran(asked(), fakeComparisons({ refuses: 4 }).comparisons);
    expect(headOf(events)).toMatchObject({
      incomplete: '2 of 4 comparisons are whole: Too many.',
      lanes: [{ summary: { completed: 2 } }, {}],
    });
    await expect(ran(asked(), fakeComparisons({ refuses: 1 }).comparisons)).rejects.toThrow('Too many.');
  });

  it.each([
    ['lanes', { lanes: [] }],
    ['lanes', { lanes: Array(9).fill({ model: 'm' }) as object[] }],
    ['repetitions', { repetitions: 0 }],
    ['warmUps', { warmUps: NaN }],
    ['temperature', { sampling: { temperature: -1 } }],
    ['seed', { sampling: { seed: 2 ** 32 - 2 } }],
    [
      'raw',
      {
        isRaw: true,
        prompts: [prompt('a', { messages: [...prompt('a').messages, ...prompt('b').messages] })],
      },
    ],
    [
      'at most 100000',
      { prompts: Array.from({ length: 51 }, (_, id) => prompt(String(id))), repetitions: 1000 },
    ],
  ])('says what is wrong with %s before anything runs', (named, more) => {
    expect(() => asked(more)).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', message: expect.stringContaining(named) as string }),
    );
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEMO, startGateway, textOf, type TestEvent, type TestGateway } from '../support/gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(async () => {
  expect(await gateway.stop()).toBe(0);
});

interface Report {
  readonly expectedLanguage: string | null;
  readonly answerLanguage: string | null;
  readonly driftOffset: number | null;
  readonly consistency: number;
  readonly foreignFragments: readonly { offset: number; length: number; text: string }[];
}

/** What these tests ask for. */
type DriftEvent = TestEvent & {
  readonly offset?: number;
  readonly fromLanguage?: string;
  readonly toLanguage?: string;
  readonly retriedAs?: string | null;
  readonly language?: Report;
};

const REPORT =
  'language { expectedLanguage answerLanguage driftOffset consistency foreignFragments { offset length text } }';
const FIELDS = `__typename generationId firstSequence sequence
  ... on TokenChunk { text tokens }
  ... on LanguageDrifted { offset fromLanguage toLanguage retriedAs }
  ... on GenerationCompleted { finishReason usage { completionTokens } ${REPORT} }`;

/** The demo model knows the question and not the request, and answers in Japanese. */
const QUESTION = 'ユニコーンが近づいてきます。リャマとしてどうすればいいですか?';
const DRIFTS = `${QUESTION}英語で答えて`;

const inputOf = (content: string, more: object) => ({
  model: DEMO,
  quantization: 'Q8_0',
  prompt: { messages: [{ role: 'USER', content }] },
  sampling: { temperature: 0, repeatPenalty: 1 },
  ...more,
});

async function generate(content: string, more: object = {}): Promise<DriftEvent[]> {
  const query = `subscription ($input: GenerateInput!) { generate(input: $input) { ${FIELDS} } }`;
  const events = await gateway.subscribe<'generate'>(query, { input: inputOf(content, more) });
  return events.map((event) => event.generate);
}

async function follow(id: string, after = 0): Promise<DriftEvent[]> {
  const query = `subscription ($id: ID!, $after: Int) { generationEvents(id: $id, after: $after) { ${FIELDS} } }`;
  const events = await gateway.subscribe<'generationEvents'>(query, { id, after });
  return events.map((event) => event.generationEvents);
}

interface State {
  readonly state: string;
  readonly text: string;
  readonly finishReason: string | null;
  readonly retriedAs: string | null;
  readonly retryOf: string | null;
  readonly language: Report | null;
}

async function stateOf(id: string): Promise<State> {
  const query = `query ($id: ID!) { generation(id: $id) { state text finishReason retriedAs retryOf ${REPORT} } }`;
  return (await gateway.query<{ generation: State }>(query, { id })).data.generation;
}

const drifted = (events: readonly DriftEvent[]) =>
  events.filter(({ __typename }) => __typename === 'LanguageDrifted');

describe('an answer in another language than asked for', () => {
  it('is reported, and goes on, unless something else was asked', async () => {
    const events = await generate(DRIFTS);
    const end = events.at(-1)!;
    expect(drifted(events)).toEqual([]);
    expect(end).toMatchObject({
      finishReason: 'END_OF_TEXT',
      language: { expectedLanguage: 'en', answerLanguage: 'ja', driftOffset: 0, consistency: 0 },
    });
    for (const { offset, length, text } of end.language!.foreignFragments)
      expect(textOf(events).slice(offset, offset + length)).toBe(text);
    expect(await stateOf(end.generationId)).toMatchObject({ language: end.language, retriedAs: null });
  });

  it('stops under STOP, and keeps what there is', async () => {
    const whole = await generate(DRIFTS);
    const events = await generate(DRIFTS, { onLanguageDrift: 'STOP' });
    const end = events.at(-1)!;
    expect(drifted(events)).toMatchObject([
      { offset: 0, fromLanguage: 'en', toLanguage: 'ja', retriedAs: null },
    ]);
    expect(end).toMatchObject({ __typename: 'GenerationCompleted', finishReason: 'LANGUAGE_DRIFT' });
    expect(textOf(whole).startsWith(textOf(events))).toBe(true);
    expect(textOf(events).length).toBeLessThan(textOf(whole).length / 2);
    // The engine counts the token of a character that it had begun as well.
    const unfinished = end.usage!.completionTokens - events.reduce((sum, { tokens = 0 }) => sum + tokens, 0);
    expect([0, 1, 2, 3]).toContain(unfinished);
    expect(await stateOf(end.generationId)).toMatchObject({
      state: 'COMPLETED',
      text: textOf(events),
      finishReason: 'LANGUAGE_DRIFT',
      language: end.language,
    });
    events.reduce((last, { firstSequence, sequence }) => {
      expect(firstSequence).toBe(last + 1);
      return sequence;
    }, 0);
  });

  it('is asked for once more under RETRY, as a generation of its own, and what was sent stays', async () => {
    const events = await generate(DRIFTS, { onLanguageDrift: 'RETRY' });
    const first = events.at(-1)!.generationId;
    const [drift] = drifted(events);
    expect(events.at(-1)).toMatchObject({ finishReason: 'LANGUAGE_DRIFT' });
    expect(drift!.retriedAs).toEqual(expect.any(String));

    const again = await follow(drift!.retriedAs!);
    expect(again.at(-1)).toMatchObject({ __typename: 'GenerationCompleted', finishReason: 'END_OF_TEXT' });
    expect(textOf(again)).not.toBe(textOf(events));
    expect(drifted(again)).toEqual([]);
    expect(await stateOf(drift!.retriedAs!)).toMatchObject({ retryOf: first, retriedAs: null });
    expect(await stateOf(first)).toMatchObject({ retriedAs: drift!.retriedAs, text: textOf(events) });

    for (const after of [0, drift!.sequence - 1, drift!.sequence]) {
      const rest = await follow(first, after);
      const before = events.filter(({ sequence }) => sequence <= after);
      expect(textOf(before) + textOf(rest)).toBe(textOf(events));
      expect(drifted(rest).length).toBe(after < drift!.sequence ? 1 : 0);
    }
  });
});

describe('an answer in the language of its prompt', () => {
  it.each(['STOP', 'RETRY'])('is left alone under %s', async (onLanguageDrift) => {
    const events = await generate(QUESTION, { onLanguageDrift });
    expect(drifted(events)).toEqual([]);
    expect(events.at(-1)).toMatchObject({
      finishReason: 'END_OF_TEXT',
      language: { answerLanguage: 'ja', driftOffset: null, consistency: 1, foreignFragments: [] },
    });
  });
});

it('has no report while it runs, and one for what there is when it is cancelled', async () => {
  const input = inputOf(QUESTION, { onDisconnect: 'CONTINUE' });
  const { data } = await gateway.query<{ startGeneration: { id: string; language: Report | null } }>(
    `mutation ($input: GenerateInput!) { startGeneration(input: $input) { id ${REPORT} } }`,
    { input },
  );
  const { id, language } = data.startGeneration;
  expect(language).toBeNull();
  await gateway.query('mutation ($id: ID!) { cancelGeneration(id: $id) { id } }', { id });
  expect((await stateOf(id)).language).toMatchObject({ expectedLanguage: 'ja', driftOffset: null });
});

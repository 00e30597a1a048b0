import fc from 'fast-check';
import { parse, subscribe as graphqlSubscribe, validate, type ExecutionResult } from 'graphql';
import { beforeAll, describe, expect, it } from 'vitest';
import { EventLog } from '../../src/generation/event-log.ts';
import type { GenerationHappening } from '../../src/generation/events.ts';
import { languageReport } from '../../src/language/language-report.ts';
import { createSchema } from '../../src/resolvers/schema.ts';
import { subscribe } from '../../src/server/subscribe.ts';

let schema: Awaited<ReturnType<typeof createSchema>>;
beforeAll(async () => {
  schema = await createSchema();
});

const HAPPENINGS: readonly GenerationHappening[] = [
  { type: 'GenerationQueued', position: 3 },
  { type: 'ModelLoading', progress: 0.25 },
  { type: 'ModelLoading', progress: 1 },
  { type: 'TokenChunk', text: 'Hi "there"\n', tokens: 2 },
  { type: 'LanguageDrifted', offset: 3, fromLanguage: 'en', toLanguage: null, retriedAs: null },
];

const zero = { ms: 0, count: 0, msPerToken: null, tokensPerSecond: null };
const ENDINGS: readonly GenerationHappening[] = [
  { type: 'GenerationFailed', error: { code: 'INTERNAL', message: 'broken', retryable: false } },
  {
    type: 'GenerationCompleted',
    finishReason: 'END_OF_TEXT',
    usage: { promptTokens: 1, cachedPromptTokens: 0, completionTokens: 2 },
    timings: {
      queueMs: 1,
      loadMs: 0,
      timeToFirstTokenMs: 2,
      sample: zero,
      promptEval: zero,
      eval: zero,
      totalMs: 3,
    },
    language: languageReport('Who are you?', 'Hi "there"\n'),
  },
];

function contextWith(happenings: readonly GenerationHappening[]): object {
  const log = new EventLog('g-1');
  for (const happening of happenings) log.append(happening);
  return { generations: { get: () => ({ log }) } };
}

/** What a subscriber is sent, as text: the order of keys counts. */
async function responses(
  run: typeof subscribe,
  query: string,
  variableValues: Record<string, unknown>,
  ending: GenerationHappening = ENDINGS[0]!,
) {
  const document = parse(query);
  expect(validate(schema, document)).toEqual([]);
  const contextValue = contextWith([...HAPPENINGS, ending]);
  const result = await run({ schema, document, variableValues, contextValue });
  if (!(Symbol.asyncIterator in result)) return [JSON.stringify(result)];
  const sent: string[] = [];
  for await (const response of result as AsyncIterable<ExecutionResult>) sent.push(JSON.stringify(response));
  return sent;
}

/** Selections that graphql-js accepts on GenerationEvent, nested and directed in every way. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  GenerationEvent: ['__typename', 'generationId', 'firstSequence', 'sequence'],
  TokenChunk: ['__typename', 'sequence', 'text', 'tokens'],
  ModelLoading: ['progress', 'generationId'],
  GenerationQueued: ['position'],
  GenerationFailed: ['error { code message }'],
  GenerationCompleted: ['finishReason', 'sequence', 'usage { completionTokens }', 'language { driftOffset }'],
  LanguageDrifted: ['offset', 'fromLanguage', 'toLanguage', 'retriedAs', '__typename'],
};
const directive = fc.constantFrom(
  '',
  '',
  '',
  ' @skip(if: $yes)',
  ' @include(if: $yes)',
  ' @skip(if: false)',
  ' @include(if: $no)',
);
const selectionOn = (type: string): fc.Arbitrary<string> =>
  fc.tuple(fc.constantFrom(...FIELDS[type]!), fc.boolean(), directive).map(([field, isAliased, directed]) => {
    const [name, ...rest] = field.split(' ');
    const alias = isAliased ? `${type}_${name}: ` : '';
    return `${alias}${name}${directed} ${rest.join(' ')}`;
  });
const fragmentIn = (types: readonly string[]): fc.Arbitrary<string> =>
  fc
    .constantFrom(...types)
    .chain((type) =>
      fc
        .tuple(fc.array(selectionOn(type), { minLength: 1, maxLength: 3 }), directive, fc.boolean())
        .map(([fields, directed, isNamed]) =>
          isNamed && type === 'TokenChunk'
            ? `...Chunk${directed}`
            : `... on ${type}${directed} { ${fields.join(' ')} }`,
        ),
    );
const selectionSet = fc
  .array(fc.oneof(selectionOn('GenerationEvent'), fragmentIn(Object.keys(FIELDS))), {
    minLength: 1,
    maxLength: 8,
  })
  .map((selections) => ['sequence', ...selections].join(' '));

describe('subscribe', () => {
  it('sends exactly what graphql-js would', async () => {
    await fc.assert(
      fc.asyncProperty(
        selectionSet,
        fc.boolean(),
        fc.constantFrom(...ENDINGS),
        async (selections, isNested, ending) => {
          const body = isNested ? `... { ... on GenerationEvent { ${selections} } }` : selections;
          const query = `subscription ($yes: Boolean!, $no: Boolean = false) { again: generationEvents(id: "g-1") { ${body} ...Unused } }
          fragment Chunk on TokenChunk { text other: tokens ...Deep } fragment Deep on GenerationEvent { deep: sequence }
          fragment Unused on GenerationEvent { ...Chunk last: __typename @include(if: $yes) @skip(if: $no) }`;
          const variables = { yes: true };
          expect(await responses(subscribe, query, variables, ending)).toEqual(
            await responses(graphqlSubscribe as typeof subscribe, query, variables, ending),
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  it('answers a bad argument as graphql-js does', async () => {
    const query = 'subscription ($id: ID!) { generationEvents(id: $id) { sequence } }';
    expect(await responses(subscribe, query, {})).toEqual(
      await responses(graphqlSubscribe as typeof subscribe, query, {}),
    );
  });
});

import { GraphQLObjectType, GraphQLSchema, GraphQLString, type GraphQLField } from 'graphql';
import { beforeAll, describe, expect, it } from 'vitest';
import { ROLES, unknownCaller } from '../../src/access/caller.ts';
import { meets, type Need } from '../../src/access/role.ts';
import { MixgateError } from '../../src/errors.ts';
import { guardRoots } from '../../src/resolvers/needs.ts';
import { createSchema } from '../../src/resolvers/schema.ts';

/** What each role adds, written down once more: a field that moves is seen here. */
const FIELDS: Readonly<Record<Need, readonly string[]>> = {
  ANYONE: ['Mutation.workerReports', 'Query.viewer', 'Subscription.workerCommands'],
  VIEWER: [
    ...['backends', 'devices', 'diskUse', 'history', 'model', 'modelPull', 'modelPulls', 'models', 'plan'],
    ...['version', 'winRates'],
  ]
    .map((name) => `Query.${name}`)
    .concat(['Subscription.deviceStatus', 'Subscription.modelPullEvents'])
    .concat(['Subscription.modelPullStatus', 'Subscription.modelStatus']),
  USER: [
    ...['cancelComparison', 'cancelGeneration', 'deleteComparison', 'deleteEvaluation', 'deleteGeneration']
      .concat(['rerunComparison', 'startComparison', 'startGeneration', 'vote'])
      .map((name) => `Mutation.${name}`),
    ...[
      'comparison',
      'comparisons',
      'evaluation',
      'evaluations',
      'generation',
      'generations',
      'inspectSource',
      'limits',
    ].map((name) => `Query.${name}`),
    ...['compare', 'comparisonEvents', 'evaluateQuality', 'generate', 'generationEvents'].map(
      (name) => `Subscription.${name}`,
    ),
  ],
  ADMIN: [
    ...['cancelModelPull', 'clearHistory', 'importManifest', 'loadModel', 'pinModel', 'removeVariant'],
    ...['startModelPull', 'unloadModel'],
  ].map((name) => `Mutation.${name}`),
};

type Field = GraphQLField<unknown, unknown>;
const fields = new Map<string, Field>();
beforeAll(async () => {
  const schema = await createSchema();
  for (const type of [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()])
    for (const field of Object.values(type!.getFields()) as Field[])
      fields.set(`${type!.name}.${field.name}`, field);
});

/** The code it is refused with before anything of it runs; null where its resolver is reached, which has nothing to work with. */
function refusalOf(call: unknown, role: (typeof ROLES)[number] | null): string | null {
  try {
    const context = { caller: { ...unknownCaller('somebody'), role } };
    void Promise.resolve((call as (...all: unknown[]) => unknown)({}, {}, context, {})).catch(
      () => undefined,
    );
    return null;
  } catch (error) {
    return error instanceof MixgateError && error.code !== 'INVALID_INPUT' ? error.code : null;
  }
}

it('every root field has the role that is written down', () => {
  const found = [...fields].map(([name, { extensions }]) => [name, extensions['need']]);
  const written = Object.entries(FIELDS).flatMap(([need, names]) => names.map((name) => [name, need]));
  expect(found.sort()).toEqual(written.sort());
});

describe.each([null, ...ROLES])('a caller of role %s', (role) => {
  it('reaches what its role may, whether a field is resolved or subscribed to', () => {
    for (const [name, { resolve, subscribe, extensions }] of fields) {
      const need = extensions['need'] as Need;
      const refusal = meets(role, need) ? null : role === null ? 'UNAUTHENTICATED' : 'FORBIDDEN';
      for (const call of [resolve, subscribe])
        if (call !== undefined) expect(refusalOf(call, role), name).toBe(refusal);
    }
  });
});

it('a WORKER reaches nothing but what asks for its key, and who it is', () => {
  const reached = [...fields].filter(([, { extensions }]) => meets('WORKER', extensions['need'] as Need));
  expect(reached.map(([name]) => name).sort()).toEqual(FIELDS.ANYONE);
});

it('a schema with a root field that says nothing of roles is not made', () => {
  const query = new GraphQLObjectType({ name: 'Query', fields: { open: { type: GraphQLString } } });
  expect(() => guardRoots(new GraphQLSchema({ query }))).toThrow(
    'Query.open does not say what role it needs',
  );
});

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import type { GraphQLSchema } from 'graphql';
import { createSchema } from '../../src/resolvers/schema.ts';
import { readTrustedDocuments } from '../../src/server/documents/read-trusted.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
let schema: GraphQLSchema;
beforeAll(async () => {
  schema = await createSchema();
});

function write(name: string, content: string | object): string {
  const file = path.join(folder(), name);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

const read = (...places: string[]) =>
  readTrustedDocuments({ schema, places, own: path.join(folder(), 'none.json') });

it('tells everything that is wrong with trusted documents at once', async () => {
  const places = [
    write('unknown.json', { a: 'query A { nothing }', b: 'query B {' }),
    write('first.json', { mine: 'query Mine { version }' }),
    write('same.json', { mine: 'query Mine { models { id } }' }),
    write('other.json', [1]),
    write('broken.json', '{'),
    write('anonymous.graphql', '{ version }'),
    write('twice.graphql', 'query A { version } query A { models { id } }'),
    path.join(folder(), 'nowhere'),
  ];
  await expect(read(...places)).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    data: {
      problems: [
        expect.stringMatching(/unknown\.json, a: Cannot query field "nothing"/),
        expect.stringMatching(/unknown\.json, b: Syntax Error/),
        expect.stringMatching(/same\.json, mine: another document has this id/),
        expect.stringMatching(/other\.json is neither a manifest/),
        expect.stringMatching(/broken\.json.*JSON/),
        expect.stringMatching(/anonymous\.graphql: an operation has no name/),
        expect.stringMatching(/twice\.graphql: two operations are called A/),
        expect.stringMatching(/nowhere: .*no such file/),
      ],
    },
  });
});

it('finds an empty folder wrong, and a document that is given twice right', async () => {
  await expect(read(folder())).rejects.toThrow('there is no .json, .graphql or .gql file in it');
  const places = [write('a.json', { mine: '{ version }' }), write('b.json', { mine: '{\n  version\n}' })];
  expect((await read(...places)).byId('mine')).toMatchObject({
    query: expect.stringContaining('version') as string,
  });
});

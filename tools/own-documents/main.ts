/** `tsx tools/own-documents/main.ts`: writes dist/documents.json, what the gateway's own clients ask, by its hash. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  getIntrospectionQuery,
  Kind,
  parse,
  print,
  validate,
  type DocumentNode,
  type GraphQLSchema,
} from 'graphql';
import { glob } from 'tinyglobby';
import {
  CLEAR_HISTORY,
  DELETE_HISTORY,
  EXPORT_HISTORY,
  LIST_HISTORY,
  REMOVE_VARIANT,
} from '../../src/cli/documents.ts';
import { COMMANDS, REPORTS } from '../../web/worker/documents.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

const isOperation = (value: unknown): value is DocumentNode =>
  typeof value === 'object' &&
  value !== null &&
  (value as Partial<DocumentNode>).kind === Kind.DOCUMENT &&
  (value as DocumentNode).definitions.some(({ kind }) => kind === Kind.OPERATION_DEFINITION);

/** Of the modules of the dashboard that have some. @throws where one is not exported: nobody could trust it */
async function dashboardDocuments(): Promise<DocumentNode[]> {
  const found: DocumentNode[] = [];
  for (const file of await glob('web/dashboard/**/*.{ts,tsx}', { cwd: ROOT, absolute: true })) {
    const written =
      readFileSync(file, 'utf8').match(/graphql\(\s*`\s*(?:query|mutation|subscription)\b/g) ?? [];
    if (written.length === 0) continue;
    const exported = Object.values((await import(file)) as object).filter(isOperation);
    if (exported.length !== written.length)
      throw new Error(
        `${file} has ${written.length} operations and exports ${exported.length}: export them all.`,
      );
    found.push(...exported);
  }
  return found;
}

const examples = await glob('web/dashboard/explorer/examples/*.graphql', { cwd: ROOT, absolute: true });
const texts = [
  ...(await dashboardDocuments()).map(print),
  ...examples.map((file) => readFileSync(file, 'utf8')),
  getIntrospectionQuery(),
  ...[COMMANDS, REPORTS],
  ...[LIST_HISTORY, DELETE_HISTORY, CLEAR_HISTORY, REMOVE_VARIANT, ...Object.values(EXPORT_HISTORY)],
].map((text) => print(parse(text)));
/** The gateway trusts them as they are. Its schema is the one that was just built. */
const { createSchema } = (await import(path.join(ROOT, 'dist/resolvers/schema.js'))) as {
  createSchema: () => Promise<GraphQLSchema>;
};
const schema = await createSchema();
for (const text of texts) {
  const [error] = validate(schema, parse(text));
  if (error !== undefined) throw new Error(`${error.message}\n${text}`);
}
const byHash = texts.map((text) => [createHash('sha256').update(text).digest('hex'), text] as const);
writeFileSync(path.join(ROOT, 'dist/documents.json'), JSON.stringify(Object.fromEntries(byHash), null, 1));

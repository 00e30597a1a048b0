import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import {
  concatAST,
  GraphQLError,
  Kind,
  parse,
  print,
  separateOperations,
  validate,
  type DocumentNode,
  type GraphQLSchema,
} from 'graphql';
import { glob } from 'tinyglobby';
import { z } from 'zod';
import { messageOf, MixgateError } from '../../errors.ts';
import { TrustedDocuments } from './trusted-documents.ts';

/** As `@apollo/generate-persisted-query-manifest` writes it. */
const apolloManifest = z.object({
  format: z.literal('apollo-persisted-query-manifest'),
  version: z.literal(1),
  operations: z.array(z.object({ id: z.string().min(1), body: z.string() })),
});
/** As GraphQL Code Generator, Relay and gql.tada write it: documents by id. */
const documentsById = z.record(z.string().min(1), z.string());

interface Found {
  readonly id: string;
  readonly query: string;
  /** Where it stands. */
  readonly place: string;
}

interface TrustedSources {
  readonly schema: GraphQLSchema;
  /** Manifests, files of documents, and folders of both. */
  readonly places: readonly string[];
  /** The manifest of the gateway's own clients, which was checked when it was built: tools/own-documents. */
  readonly own: string;
}

/**
 * Reads manifests (`.json`) and documents (`.graphql`, `.gql`; of a folder together, each operation by its name).
 * @throws INVALID_INPUT with every problem at once: what cannot be read, what the schema does not have, ids of two documents
 */
export async function readTrustedDocuments({
  schema,
  places,
  own,
}: TrustedSources): Promise<TrustedDocuments> {
  const trusted = new TrustedDocuments();
  const problems: string[] = [];
  for (const place of [own, ...places]) {
    const found = await read(place).catch((error: unknown) => {
      // The pages were not built, and so were not their documents.
      if (place !== own || !isMissing(error)) problems.push(`${place}: ${messageOf(error)}`);
      return [];
    });
    for (const each of found) {
      const problem = trust(each, place === own ? null : schema, trusted);
      if (problem !== null) problems.push(`${each.place}, ${each.id}: ${problem}`);
    }
  }
  if (problems.length === 0) return trusted;
  throw new MixgateError(
    'INVALID_INPUT',
    `The trusted documents have ${problems.length} ${problems.length === 1 ? 'mistake' : 'mistakes'}: ${problems.join('; ')}`,
    { problems },
  );
}

/**
 * @param schema null where it is known to fit
 * @returns what is wrong with it, null where nothing is
 */
function trust({ id, query }: Found, schema: GraphQLSchema | null, trusted: TrustedDocuments): string | null {
  try {
    const document = parse(query);
    const [error] = schema === null ? [] : validate(schema, document);
    if (error !== undefined) return error.message;
    return trusted.add(id, { query, document }) === null ? null : 'another document has this id';
  } catch (error) {
    if (error instanceof GraphQLError) return error.message;
    throw error;
  }
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

async function read(place: string): Promise<Found[]> {
  const isFolder = (await stat(place)).isDirectory();
  const files = isFolder
    ? (await glob('**/*.{json,graphql,gql}', { cwd: place, absolute: true })).toSorted()
    : [path.resolve(place)];
  const manifests = files.filter((file) => file.endsWith('.json'));
  const documents = files.filter((file) => !file.endsWith('.json'));
  if (files.length === 0) throw new Error('there is no .json, .graphql or .gql file in it');
  const found = await Promise.all(
    manifests.map(async (file) => ofManifest(await readFile(file, 'utf8'), file)),
  );
  return [...found.flat(), ...(await ofDocuments(documents, place))];
}

function ofManifest(text: string, place: string): Found[] {
  const content: unknown = JSON.parse(text);
  const apollo = apolloManifest.safeParse(content);
  if (apollo.success) return apollo.data.operations.map(({ id, body }) => ({ id, query: body, place }));
  const byId = documentsById.safeParse(content);
  if (byId.success) return Object.entries(byId.data).map(([id, query]) => ({ id, query, place }));
  throw new Error(
    `${path.basename(place)} is neither a manifest of Apollo's nor an object of documents by id`,
  );
}

/** Each operation with the fragments it needs, wherever they stand. */
async function ofDocuments(files: readonly string[], place: string): Promise<Found[]> {
  if (files.length === 0) return [];
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  const whole = concatAST(texts.map((text) => parse(text)));
  const names = operationNames(whole);
  const unclear = names.find((name, index) => name === '' || names.indexOf(name) !== index);
  if (unclear !== undefined)
    throw new Error(unclear === '' ? 'an operation has no name' : `two operations are called ${unclear}`);
  return Object.entries(separateOperations(whole)).map(([id, document]) => ({
    id,
    query: print(document),
    place,
  }));
}

const operationNames = ({ definitions }: DocumentNode): string[] =>
  definitions.flatMap((node) => (node.kind === Kind.OPERATION_DEFINITION ? [node.name?.value ?? ''] : []));

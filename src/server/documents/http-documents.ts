import type { ApolloServerOptions, BaseContext } from '@apollo/server';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { GraphQLError } from 'graphql';
import { parse as parseJson } from 'secure-json-parse';
import { isPlainJson } from '../apollo-plugins.ts';
import type { PublicErrors } from '../public-error.ts';
import { namesDocument, type DocumentRequest, type Documents, type Taken } from './documents.ts';
import { withoutSchema } from './unknown-caller.ts';

/** Addresses at which documents come. */
const PATHS: ReadonlySet<string | undefined> = new Set(['/graphql', '/graphql/stream']);
/** Stands where a document could not be taken: its transport wants one, and then tells the errors. */
const NONE = '{ __typename }';

/** What was taken for each request. */
export type TakenDocuments = WeakMap<FastifyRequest, Taken>;

interface HttpDocumentsOptions {
  readonly errors: PublicErrors;
  /** Told of requests whose document is not run. */
  readonly onWrong: (request: FastifyRequest, errors: readonly GraphQLError[]) => void;
}

/**
 * Takes the document of each request before Apollo or graphql-sse see it, and hands them its text in place of an id.
 * What is no request of GraphQL's form is left to them to refuse.
 */
export function takeHttpDocuments(
  app: FastifyInstance,
  documents: Documents,
  { errors, onWrong }: HttpDocumentsOptions,
): TakenDocuments {
  const takenDocuments: TakenDocuments = new WeakMap();
  app.addHook('preHandler', async (request, reply) => {
    const { url } = request.routeOptions;
    if (!PATHS.has(url)) return;
    const asked = request.method === 'GET' ? askedByGet(request) : askedByPost(request.body);
    if (asked === null || !namesDocument(asked)) return;
    const read = documents.take(asked);
    const taken = request.caller.role === null ? withoutSchema(read, asked, documents.schema) : read;
    takenDocuments.set(request, taken);
    if ('errors' in taken) onWrong(request, taken.errors);
    // Said as what ends a request before it is one: with the status and the header that ask for credentials.
    if (taken !== read && url === '/graphql' && 'errors' in taken) throw taken.errors[0]!.originalError!;
    if ('errors' in taken && url === '/graphql') return refuse(reply, taken.errors, errors);
    const query = 'errors' in taken ? NONE : taken.query;
    if (request.method === 'GET') request.raw.url = withQuery(request.url, query);
    else request.body = { ...(request.body as object), query, ...withoutId(asked.extensions) };
  });
  return takenDocuments;
}

type DocumentStore = NonNullable<ApolloServerOptions<BaseContext>['documentStore']>;

/** What Apollo looks up before it parses: what was taken for the request, by the hash of its text. */
export const documentStore = (documents: Documents): DocumentStore => ({
  get: async (key) => documents.lately(key.slice(-SHA256_LENGTH)) ?? undefined,
  set: async () => undefined,
  delete: async () => false,
});

/** In hexadecimal digits; Apollo puts the schema's before it. */
const SHA256_LENGTH = 64;

function refuse(reply: FastifyReply, refusals: readonly unknown[], errors: PublicErrors): FastifyReply {
  const { request } = reply;
  // As Apollo is told to answer what is wrong with a request.
  const isPlain = isPlainJson(request.headers.accept);
  return reply
    .code(isPlain ? 200 : 400)
    .header('cache-control', 'no-store')
    .type(`${isPlain ? 'application/json' : 'application/graphql-response+json'}; charset=utf-8`)
    .send(JSON.stringify({ errors: errors.formatAll(refusals, request.id) }));
}

function askedByPost(body: unknown): DocumentRequest | null {
  if (!isRecord(body)) return null;
  return requestOf(body);
}

/** @throws SyntaxError with status 400 where its JSON is none, or would change prototypes */
function askedByGet({ query }: FastifyRequest): DocumentRequest {
  const fields = { ...(query as Record<string, unknown>) };
  for (const name of ['variables', 'extensions']) {
    const text = fields[name];
    if (typeof text !== 'string' || text === '') continue;
    try {
      fields[name] = parseJson(text);
    } catch (error) {
      throw Object.assign(error as SyntaxError, { statusCode: 400 });
    }
  }
  return requestOf(fields);
}

const requestOf = ({
  query,
  documentId,
  extensions,
  operationName,
  variables,
}: Record<string, unknown>): DocumentRequest => ({
  query: textOf(query),
  documentId: textOf(documentId),
  extensions: isRecord(extensions) ? extensions : null,
  operationName: textOf(operationName),
  variables: isRecord(variables) ? variables : null,
});

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);

function withQuery(address: string, query: string): string {
  const url = new URL(address, 'http://localhost');
  url.searchParams.set('query', query);
  url.searchParams.delete('extensions');
  return `${url.pathname}${url.search}`;
}

/** The field without what Apollo would refuse; nothing where it has none of it. */
function withoutId(extensions: DocumentRequest['extensions']): { readonly extensions?: object } {
  if (extensions?.['persistedQuery'] === undefined) return {};
  return {
    extensions: Object.fromEntries(Object.entries(extensions).filter(([name]) => name !== 'persistedQuery')),
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

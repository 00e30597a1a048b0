import { GraphQLError, parse, validate, type DocumentNode, type GraphQLSchema } from 'graphql';
import type { MixgateError } from '../../errors.ts';
import { costOf } from './cost.ts';
import { measuresOf } from './measures.ts';
import { notFound, notSupported, notTrusted, tooComplex, tooLarge, tooMuch } from './refusals.ts';
import { sha256, type TrustedDocument, type TrustedDocuments } from './trusted-documents.ts';

/**
 * Text of documents that are kept, characters: a client sends the same few again and again. What was read of them takes
 * up to 250 times as much.
 */
const KEPT_CHARACTERS = 2 ** 19;
/** Bounds on a document, so that parsing it stays cheap. */
export const PARSE_OPTIONS = { maxTokens: 5000 };

export interface DocumentLimits {
  readonly maxDocumentBytes: number;
  readonly maxDepth: number;
  readonly maxAliases: number;
  readonly maxDirectives: number;
  readonly maxCost: number;
}

export interface DocumentsOptions {
  readonly schema: GraphQLSchema;
  readonly limits: DocumentLimits;
  readonly trusted: TrustedDocuments;
  /** What is not trusted is not run. */
  readonly trustedOnly: boolean;
  /** Whether clients have documents here; without, they are told to send theirs at once. */
  readonly knowsClients: boolean;
}

/** What a client sent, unchecked but for its types. */
export interface DocumentRequest {
  readonly query?: string | null | undefined;
  readonly documentId?: string | null | undefined;
  readonly extensions?: Readonly<Record<string, unknown>> | null | undefined;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
}

interface Errors {
  readonly errors: readonly GraphQLError[];
}

/** A document that may be run, with its text; or why not. */
export type Taken = TrustedDocument | Errors;

type Checked = (TrustedDocument & { readonly isTrusted: boolean }) | Errors;

/** Parses, measures and validates each document once, whatever transport brings it; forgets what was not used for longest. */
export class Documents {
  readonly #options: DocumentsOptions;
  /** By the hash of the text. */
  readonly #kept = new Map<string, { readonly checked: Checked; readonly characters: number }>();
  #characters = 0;

  constructor(options: DocumentsOptions) {
    this.#options = options;
  }

  get schema(): GraphQLSchema {
    return this.#options.schema;
  }

  /** The document of a request, by its id or its text. */
  take(request: DocumentRequest): Taken {
    const { query, operationName, variables } = request;
    const { schema, limits, trusted, knowsClients } = this.#options;
    const id = idOf(request);
    const named = id === null ? null : trusted.byId(id);
    if (named !== null) return named;
    if (typeof query !== 'string' || query === '') return refusal(knowsClients ? notFound() : notSupported());
    const checked = this.#check(query);
    if ('errors' in checked || checked.isTrusted) return checked;
    const cost = costOf(schema, checked.document, { operationName, variables });
    return cost > limits.maxCost ? refusal(tooComplex('maxCost', limits.maxCost, cost)) : checked;
  }

  /** One that was taken lately; by the hash of its text. */
  lately(hash: string): DocumentNode | null {
    const checked = this.#options.trusted.byId(hash) ?? this.#kept.get(hash)?.checked ?? null;
    return checked === null || 'errors' in checked ? null : checked.document;
  }

  #check(query: string): Checked {
    const { trusted, limits } = this.#options;
    const hash = sha256(query);
    const known = trusted.byId(hash);
    if (known !== null) return { ...known, isTrusted: true };
    const bytes = Buffer.byteLength(query);
    if (bytes > limits.maxDocumentBytes)
      return refusal(tooLarge('maxDocumentBytes', limits.maxDocumentBytes, bytes));
    const kept = this.#kept.get(hash) ?? { checked: this.#checkNew(query), characters: query.length };
    this.#keep(hash, kept);
    return kept.checked;
  }

  #keep(hash: string, kept: { readonly checked: Checked; readonly characters: number }): void {
    if (this.#kept.delete(hash)) this.#characters -= kept.characters;
    this.#kept.set(hash, kept);
    this.#characters += kept.characters;
    for (const [oldest, { characters }] of this.#kept) {
      if (this.#characters <= KEPT_CHARACTERS) return;
      this.#kept.delete(oldest);
      this.#characters -= characters;
    }
  }

  #checkNew(query: string): Checked {
    const { schema, trusted, trustedOnly, limits } = this.#options;
    let document: DocumentNode;
    try {
      document = parse(query, PARSE_OPTIONS);
    } catch (error) {
      return unreadable(error, limits);
    }
    const known = trusted.byMeaning(document);
    if (known !== null) return { query, document: known.document, isTrusted: true };
    if (trustedOnly) return refusal(notTrusted());
    // Before what is costly for a large one.
    const problem = tooMuch(measuresOf(schema, document), limits);
    if (problem !== null) return refusal(problem);
    const errors = validate(schema, document);
    return errors.length === 0 ? { query, document, isTrusted: false } : { errors };
  }
}

function unreadable(error: unknown, { maxDepth }: DocumentLimits): Errors {
  // The parser goes down as deep as the document nests, lists of values included.
  if (error instanceof RangeError) return refusal(tooComplex('maxDepth', maxDepth, Infinity));
  if (!(error instanceof GraphQLError)) throw error;
  const { maxTokens } = PARSE_OPTIONS;
  const isLong = error.message.includes(`more that ${maxTokens} tokens`);
  return isLong ? refusal(tooLarge('maxDocumentTokens', maxTokens, Infinity)) : { errors: [error] };
}

const refusal = (error: MixgateError): Errors => ({
  errors: [new GraphQLError(error.message, { originalError: error })],
});

/** As Apollo's clients name a document, or as the GraphQL over HTTP specification does. */
function idOf({ documentId, extensions }: DocumentRequest): string | null {
  if (typeof documentId === 'string' && documentId !== '') return documentId;
  const persisted = extensions?.['persistedQuery'] as { sha256Hash?: unknown } | null | undefined;
  return typeof persisted?.sha256Hash === 'string' ? persisted.sha256Hash : null;
}

/** Whether a request names a document at all, by its text or an id. */
export const namesDocument = (request: DocumentRequest): boolean =>
  (typeof request.query === 'string' && request.query !== '') || idOf(request) !== null;

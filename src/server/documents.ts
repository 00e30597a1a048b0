import { parse, validate, type DocumentNode, type GraphQLError, type GraphQLSchema } from 'graphql';

/** A client sends the same few documents again and again. */
const KEPT = 200;
/** Bounds on a document, so that parsing it stays cheap. */
export const PARSE_OPTIONS = { maxTokens: 5000 };

type Checked = { readonly document: DocumentNode } | { readonly errors: readonly GraphQLError[] };

/** Parses and validates each document once; forgets what was not used for longest. */
export class Documents {
  readonly #schema: GraphQLSchema;
  readonly #checked = new Map<string, Checked>();

  constructor(schema: GraphQLSchema) {
    this.#schema = schema;
  }

  check(query: string): Checked {
    const checked = this.#checked.get(query) ?? this.#checkNew(query);
    this.#checked.delete(query);
    this.#checked.set(query, checked);
    const [oldest] = this.#checked.keys();
    if (this.#checked.size > KEPT && oldest !== undefined) this.#checked.delete(oldest);
    return checked;
  }

  #checkNew(query: string): Checked {
    try {
      const document = parse(query, PARSE_OPTIONS);
      const errors = validate(this.#schema, document);
      return errors.length === 0 ? { document } : { errors };
    } catch (error) {
      return { errors: [error as GraphQLError] };
    }
  }
}

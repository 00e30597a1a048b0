import { maxAliasesRule } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthRule } from '@escape.tech/graphql-armor-max-depth';
import { maxDirectivesRule } from '@escape.tech/graphql-armor-max-directives';
import { validate, type DocumentNode, type GraphQLSchema } from 'graphql';

/** Of the operation of a document that has most of it; fragments count wherever they are spread. */
export interface DocumentMeasures {
  readonly depth: number;
  readonly aliases: number;
  readonly directives: number;
}

/** Counts without expanding: each fragment is walked once, however often it is spread. The document need not be valid. */
export function measuresOf(schema: GraphQLSchema, document: DocumentNode): DocumentMeasures {
  const most = { depth: 0, aliases: 0, directives: 0 };
  // graphql-armor's own refusals would say neither how much is allowed nor, in numbers, how much it is.
  const counts = (measure: keyof DocumentMeasures) => ({
    n: Infinity,
    onAccept: [
      (_context: unknown, { n }: { n: number }) => {
        most[measure] = Math.max(most[measure], n);
      },
    ],
  });
  validate(schema, document, [
    maxDepthRule({ ...counts('depth'), flattenFragments: true }),
    maxAliasesRule(counts('aliases')),
    maxDirectivesRule(counts('directives')),
  ]);
  return most;
}

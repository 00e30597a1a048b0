import type { ExampleName } from './example-names.ts';

// Vite reads the options as they stand here: they cannot be shared.
const queries = import.meta.glob<string>('./examples/*.graphql', {
  query: '?raw',
  import: 'default',
  eager: true,
});
const variables = import.meta.glob<string>('./examples/*.json', {
  query: '?raw',
  import: 'default',
  eager: true,
});

/** An operation and its variables, as they are edited. */
export interface Request {
  readonly query: string;
  /** JSON. */
  readonly variables: string;
}

export const exampleOf = (name: ExampleName): Request => ({
  query: queries[`./examples/${name}.graphql`]!,
  variables: variables[`./examples/${name}.json`]!,
});

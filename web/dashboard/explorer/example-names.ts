/** In the order they are shown; each is a .graphql file and its variables in `examples`. */
export const EXAMPLE_NAMES = [
  'generate',
  'chat',
  'json-answer',
  'start',
  'resume',
  'plan',
  'plan-card',
  'compare',
  'quality',
  'pull',
  'pull-progress',
  'devices',
] as const;

export type ExampleName = (typeof EXAMPLE_NAMES)[number];

/** Stands in variables for the id of the generation that was started last. */
export const NEWEST_GENERATION = '<newest generation>';

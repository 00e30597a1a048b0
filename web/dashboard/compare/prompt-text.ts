import type { ComparisonFacts } from './documents.ts';

/** What was asked: of a chat, its newest message. */
export const promptText = ({ text, messages }: ComparisonFacts['prompt']): string =>
  text ?? messages?.at(-1)?.content ?? '';

import type { GenerationRequest } from '../request.ts';

/** As it is searched in: lower case, and without NUL, which PostgreSQL keeps in no text. */
export const searchTextOf = (...texts: readonly string[]): string =>
  texts.join('\n').toLowerCase().replaceAll('\0', '');

export const promptText = (prompt: GenerationRequest['prompt']): string =>
  'text' in prompt ? prompt.text : prompt.messages.map(({ content }) => content).join('\n');

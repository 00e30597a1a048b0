import type { Prompt } from '../../backends/backend.ts';

/** As `LanguageReport` of the schema. */
export interface LanguageFacts {
  readonly promptLanguage: string | null;
  readonly answerLanguage: string | null;
  readonly consistency: number;
  readonly driftOffset: number | null;
}

/** Looks at an answer. Null where nothing can be said. */
export type LanguageReporter = (prompt: string, answer: string) => LanguageFacts | null;

/** What a person wrote of a prompt. */
export const writtenText = (prompt: Prompt): string =>
  'text' in prompt
    ? prompt.text
    : prompt.messages
        .filter(({ role }) => role === 'user')
        .map(({ content }) => content)
        .join('\n');

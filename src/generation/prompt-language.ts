import type { Prompt } from '../backends/backend.ts';
import type { DriftWatchOptions } from '../language/drift-watch.ts';

/** What an answer's language is measured by: the last question, and whatever else may ask for a language. */
export function promptLanguageOf(prompt: Prompt): [question: string, options: DriftWatchOptions] {
  if ('text' in prompt) return [prompt.text, {}];
  const asked = prompt.messages.filter(({ role, content }) => role !== 'assistant' && content.trim() !== '');
  const last = asked.findLast(({ role }) => role === 'user') ?? asked.at(-1);
  const others = asked.filter((message) => message !== last).map(({ content }) => content);
  return [last?.content ?? '', { instructions: others }];
}

import { expect, it } from 'vitest';
import { driftRetry } from '../../src/generation/drift-retry.ts';
import { promptLanguageOf } from '../../src/generation/prompt-language.ts';
import {
  generationRequestSchema,
  parseRequest,
  type GenerationRequest,
} from '../../src/generation/request.ts';
import { languageReport } from '../../src/language/language-report.ts';

const LANGUAGES = ['ar', 'de', 'en', 'es', 'fr', 'it', 'ja', 'ko', 'nl', 'pt', 'ru', 'zh', 'pl', 'tr', 'hi'];

const requestOf = (prompt: object, seed: number | null = null): GenerationRequest =>
  parseRequest(generationRequestSchema, {
    model: 'm',
    prompt,
    sampling: { seed },
    onLanguageDrift: 'RETRY',
  });

const messages = [
  { role: 'SYSTEM', content: 'You are a llama.' },
  { role: 'USER', content: 'Guten Tag, wie geht es dir?' },
  { role: 'ASSISTANT', content: 'Gut.' },
  { role: 'USER', content: 'Was ist ein Einhorn?' },
];

it.each(LANGUAGES)('asks for %s so that the report understands it', (language) => {
  const retry = driftRetry(requestOf({ messages }), language);
  const [question, options] = promptLanguageOf(retry.prompt);
  expect(question).toContain('Was ist ein Einhorn?');
  expect(languageReport(question, '', options).expectedLanguage).toBe(language);
  expect(retry.onLanguageDrift).toBe('IGNORE');
});

it('takes another seed, the same one each time, where one was given', () => {
  expect(driftRetry(requestOf({ messages }, 7), 'de').sampling.seed).toBe(8);
  expect(driftRetry(requestOf({ messages }, 2 ** 32 - 2), 'de').sampling.seed).toBe(0);
  expect(driftRetry(requestOf({ messages }), 'de').sampling.seed).toBeNull();
});

it('leaves raw text as it is', () => {
  const prompt = { text: '[INST] Was ist ein Einhorn? [/INST]' };
  expect(driftRetry(requestOf(prompt), 'de').prompt).toEqual(prompt);
});

it('lets a system message ask for a language, and the question ask for another one', () => {
  const asked = (content: string) =>
    promptLanguageOf({
      messages: [
        { role: 'system', content: 'Always answer in French.' },
        { role: 'user', content },
      ],
    });
  const expected = (content: string) => {
    const [question, options] = asked(content);
    return languageReport(question, '', options).expectedLanguage;
  };
  expect(expected('What is a unicorn, and where does it live?')).toBe('fr');
  expect(expected('What is a unicorn? Answer in German.')).toBe('de');
});

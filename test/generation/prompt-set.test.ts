import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { MixgateError } from '../../src/errors.ts';
import { parsePromptSet } from '../../src/generation/bench/prompt-set.ts';
import { UNICORN } from '../support/gateway.ts';

const lines = (...objects: unknown[]): string =>
  objects.map((each) => (typeof each === 'string' ? each : JSON.stringify(each))).join('\n');

function refusal(text: string): MixgateError {
  try {
    parsePromptSet(text, 'set.jsonl');
  } catch (error) {
    if (error instanceof MixgateError) return error;
  }
  throw new Error('It was not refused.');
}

describe('a prompt set', () => {
  it('takes prompts and messages, and what else a line says', () => {
    const set = lines(
      '\uFEFF{"prompt": "Hello"}\r',
      '',
      {
        ...{
          id: 'two',
          messages: [
            { role: 'system', content: 'Be kind.' },
            { role: 'USER', content: 'Hi' },
          ],
        },
        ...{ maxTokens: 20, stop: ['\n'], language: 'ja', tags: ['short'] },
      },
      '  ',
    );
    expect(parsePromptSet(set, 'set.jsonl')).toEqual([
      {
        ...{ id: 'line-1', messages: [{ role: 'USER', content: 'Hello' }] },
        ...{ maxTokens: null, stop: [], language: null, tags: [] },
      },
      {
        id: 'two',
        messages: [
          { role: 'SYSTEM', content: 'Be kind.' },
          { role: 'USER', content: 'Hi' },
        ],
        ...{ maxTokens: 20, stop: ['\n'], language: 'ja', tags: ['short'] },
      },
    ]);
  });

  it('tells every problem with its line at once', () => {
    const { code, message, data } = refusal(
      lines(
        { id: 'a', prompt: 'x' },
        'no JSON',
        '',
        { prompt: 'x', messages: [{ role: 'user', content: 'x' }] },
        { id: 'a', prompt: 'y' },
        { prompt: '', maxTokens: 0, tag: 'x' },
        { messages: [{ role: 'robot', content: '' }] },
        { messages: [{ role: 'user', content: ' ' }] },
        { prompt: 'x', language: 'Japanese' },
        '[]',
      ),
    );
    expect(code).toBe('INVALID_INPUT');
    expect(message).toMatch(
      /^set\.jsonl: line 2: is no JSON; line 4: needs exactly one of prompt and messages; /,
    );
    const problems = data['problems'] as { line: number; path: string }[];
    expect(problems.map(({ line, path: where }) => [line, where])).toEqual([
      [2, ''],
      [4, ''],
      [5, 'id'],
      [6, 'prompt'],
      [6, 'maxTokens'],
      [6, ''],
      [7, 'messages.0.role'],
      [8, 'messages'],
      [9, 'language'],
      [10, ''],
    ]);
  });

  it('does not flood anybody with problems, and needs prompts, but not too many', () => {
    const { message, data } = refusal(lines(...Array<string>(1000).fill('{')));
    expect(message).toContain('; and 980 more.');
    expect(data['problems']).toHaveLength(1000);
    expect(refusal('\n \n').message).toContain('has no prompts');
    const many = Array.from({ length: 10_001 }, () => ({ prompt: 'x' }));
    expect(refusal(lines(...many)).message).toContain('at most 10000');
  });

  it('comes with the article', () => {
    const file = path.resolve(import.meta.dirname, '../../prompts/article.jsonl');
    const set = parsePromptSet(readFileSync(file, 'utf8'), 'article');
    expect(set.map(({ language }) => language)).toEqual(['en', 'ja', 'ja', 'ja']);
    expect(set[0]!.messages).toEqual([{ role: 'USER', content: UNICORN }]);
  });
});

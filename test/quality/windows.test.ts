import type { Token } from 'node-llama-cpp';
import { describe, expect, it } from 'vitest';
import { digestOf, windowsOf } from '../../src/backends/llama-cpp/runner/score/windows.ts';

const BOS = 1 as Token;
/** A token a character. */
const tokenizer = (shouldPrependBosToken: boolean) => ({
  tokens: { bos: BOS, shouldPrependBosToken },
  tokenize: (text: string) => [...text].map((character) => character.codePointAt(0) as Token),
});
const text = (length: number) =>
  Array.from({ length }, (_, index) => String.fromCodePoint(100 + index)).join('');
const code = (window: { tokens: readonly Token[] }) => window.tokens.map(Number);
const sizes = { contextSize: 8, maxWindows: null };

describe('windows of running text', () => {
  it('are llama-perplexity’s: BOS in front of the text and in place of each first token, second halves', () => {
    const windows = windowsOf({ text: text(24) }, tokenizer(true), sizes);
    expect(windows.map(code)).toEqual([
      [1, 100, 101, 102, 103, 104, 105, 106],
      [1, 108, 109, 110, 111, 112, 113, 114],
      [1, 116, 117, 118, 119, 120, 121, 122],
    ]);
    for (const { targets } of windows) expect(targets).toEqual([5, 6, 7]);
  });

  it('have no BOS where the model wants none', () => {
    const [first, ...others] = windowsOf({ text: text(17) }, tokenizer(false), sizes);
    expect(code(first!)).toEqual([100, 101, 102, 103, 104, 105, 106, 107]);
    expect(others).toHaveLength(1);
  });

  it('score a text that does not fill one whole', () => {
    expect(windowsOf({ text: text(3) }, tokenizer(true), sizes)).toEqual([
      { tokens: [1, 100, 101, 102], targets: [1, 2, 3] },
    ]);
    expect(windowsOf({ text: text(2) }, tokenizer(false), sizes)).toEqual([
      { tokens: [100, 101], targets: [1] },
    ]);
  });

  it('are as many as was asked for', () => {
    expect(windowsOf({ text: text(100) }, tokenizer(true), { contextSize: 8, maxWindows: 2 })).toHaveLength(
      2,
    );
  });

  it('need two tokens', () => {
    expect(() => windowsOf({ text: 'a' }, tokenizer(true), sizes)).toThrow(/at least two/);
  });
});

describe('windows of documents', () => {
  const part = (length: number, isScored: boolean) => ({ text: text(length), isScored });

  it('are one each, with what is marked in it, cut at the context', () => {
    const documents = [
      [part(2, false), part(3, true)],
      [part(4, true), part(20, false)],
    ];
    const windows = windowsOf({ documents }, tokenizer(true), sizes);
    expect(windows.map(({ tokens, targets }) => [tokens.length, targets])).toEqual([
      [6, [3, 4, 5]],
      [8, [1, 2, 3, 4]],
    ]);
  });

  it('leave out what has nothing to score, and need something', () => {
    const documents = [[part(20, false), part(3, true)], [part(3, true)]];
    expect(windowsOf({ documents }, tokenizer(true), sizes)).toHaveLength(1);
    expect(() => windowsOf({ documents: [[part(1, true)]] }, tokenizer(false), sizes)).toThrow(/no token/);
  });

  it('do not add a BOS that is there', () => {
    const documents = [[{ text: '\u0001ab', isScored: true }]];
    expect(code(windowsOf({ documents }, tokenizer(true), sizes)[0]!)).toEqual([1, 97, 98]);
  });
});

describe('a digest', () => {
  it('is of the tokens and of what is scored', () => {
    const digest = (length: number, isScored: boolean) =>
      digestOf(
        windowsOf(
          {
            documents: [
              [
                { text: text(length), isScored },
                { text: 'b', isScored: true },
              ],
            ],
          },
          tokenizer(true),
          sizes,
        ),
      );
    expect(digest(3, true)).toBe(digest(3, true));
    expect(digest(3, true)).not.toBe(digest(3, false));
    expect(digest(3, true)).not.toBe(digest(4, true));
  });
});

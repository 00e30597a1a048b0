import type { Script } from './script.ts';

/** A piece of text, `offset` to `end` in UTF-16 units. Code, addresses, numbers and acronyms give no tokens but `skipped`. */
export type Token =
  | {
      readonly type: 'word';
      readonly offset: number;
      readonly end: number;
      readonly text: string;
      readonly script: Script;
      /** Starts with a capital letter. */
      readonly isCapital: boolean;
    }
  | { readonly type: 'skipped' | 'line' | 'stop' | 'mark' | 'open' | 'close'; readonly offset: number };

export type Word = Extract<Token, { type: 'word' }>;

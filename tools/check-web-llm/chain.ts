import {
  chainTokenizer,
  type ChainTokenizer,
  type Piece,
} from '../../test/support/mlc-model/chain-tokenizer.ts';

/** One token each, none twice. The ☕ is split over three tokens. */
const ANSWER: readonly Piece[] = [
  ...['Hello', ' from', ' a', ' model', ' made', ' by', ' hand', ':', ' one', ',', ' two', ' three', ' '],
  ...[...Buffer.from('☕')].map((byte) => Buffer.from([byte])),
  ...[' and', ' done', '.'],
];
/** In every prompt: as one token each they make it shorter. */
const PROMPT_WORDS = ['system', 'user', 'assistant'];

/** How many tokens the answer has before the one that ends it. */
export const ANSWER_TOKENS = ANSWER.length;

/** Text of the first tokens of the answer, without a character that they only begin. */
export function answerText(tokens: number): string {
  const bytes = Buffer.concat(ANSWER.slice(0, tokens).map((piece) => Buffer.from(piece as Uint8Array)));
  return new TextDecoder().decode(bytes, { stream: true });
}

export interface Chain {
  readonly tokenizer: ChainTokenizer;
  /** Ids of tokens, each the successor of the one before it: the end of any prompt, the answer, the token that ends it. */
  readonly tokens: readonly number[];
}

export function answerChain(): Chain {
  const tokenizer = chainTokenizer([...ANSWER, ...PROMPT_WORDS]);
  const lineEnd = '\n'.charCodeAt(0); // The tokenizer gives a byte its own number.
  const answer = tokenizer.pieces.slice(0, ANSWER_TOKENS);
  return { tokenizer, tokens: [lineEnd, ...answer, tokenizer.special['<|im_end|>']] };
}

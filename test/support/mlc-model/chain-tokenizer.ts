/** A part of the answer that is one token; bytes where it is no whole text. */
export type Piece = string | Uint8Array;

export const SPECIALS = ['<|endoftext|>', '<|im_start|>', '<|im_end|>'] as const;

const BYTES = 256;

/** GPT-2's letters for bytes: itself where it can be seen, else one from U+0100 on. */
const LETTERS: readonly string[] = (() => {
  let unseen = 0;
  return Array.from({ length: BYTES }, (_, byte) => {
    const isSeen = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    return String.fromCodePoint(isSeen ? byte : BYTES + unseen++);
  });
})();

const bytesOf = (piece: Piece): Buffer => Buffer.from(piece as Uint8Array);
const lettersOf = (bytes: Iterable<number>): string => [...bytes].map((byte) => LETTERS[byte]).join('');

export interface ChainTokenizer {
  /** tokenizer.json */
  readonly json: object;
  /** Of all tokens, the special ones included. */
  readonly size: number;
  /** The ids of the pieces. */
  readonly pieces: readonly number[];
  readonly special: Readonly<Record<(typeof SPECIALS)[number], number>>;
}

/**
 * Byte-level BPE: a token for each byte under its own number, and the pieces with all their beginnings, so that a
 * piece is encoded as the one token that it was decoded from; not where it has bytes that another begins with.
 * @throws where a piece comes twice
 */
export function chainTokenizer(pieces: readonly Piece[]): ChainTokenizer {
  const ids = new Map(LETTERS.map((letter, byte) => [letter, byte]));
  const merges: string[] = [];
  for (const bytes of pieces.map(bytesOf)) {
    for (let end = 2; end <= bytes.length; end++) {
      const whole = lettersOf(bytes.subarray(0, end));
      if (ids.has(whole)) continue;
      ids.set(whole, ids.size);
      merges.push(`${lettersOf(bytes.subarray(0, end - 1))} ${LETTERS[bytes[end - 1]!]}`);
    }
  }
  const special = SPECIALS.map((content, index) => ({ id: ids.size + index, content }));
  const pieceIds = pieces.map((piece) => ids.get(lettersOf(bytesOf(piece)))!);
  if (new Set(pieceIds).size < pieceIds.length) throw new Error('a piece of the answer comes twice');
  return {
    json: tokenizerJson(ids, merges, special),
    size: ids.size + special.length,
    pieces: pieceIds,
    special: Object.fromEntries(special.map(({ id, content }) => [content, id])) as ChainTokenizer['special'],
  };
}

function tokenizerJson(
  ids: ReadonlyMap<string, number>,
  merges: readonly string[],
  special: readonly { readonly id: number; readonly content: string }[],
): object {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: true };
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special.map((token) => ({ ...token, ...flags })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: byteLevel,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(ids),
      merges,
    },
  };
}

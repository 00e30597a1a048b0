/** A stretch of an answer that is shown in one way. */
export interface Segment {
  readonly text: string;
  /** As lane 0 has it. */
  readonly isCommon: boolean;
  /** Where it parts from lane 0: the first word, or the rest of one, that differs. */
  readonly isDifference: boolean;
  /** Set where it is in another language than expected; `language` is null where that is not known. */
  readonly foreign: { readonly language: string | null } | null;
  /** From here on the answer is in another language. */
  readonly isDrift: boolean;
}

interface Fragment {
  readonly offset: number;
  readonly length: number;
  readonly language: string | null;
}

export interface Marks {
  /** UTF-16 units; null where there is nothing to compare with. */
  readonly commonPrefixChars: number | null;
  readonly foreignFragments: readonly Fragment[];
  readonly driftOffset: number | null;
}

const characters = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const words = new Intl.Segmenter(undefined, { granularity: 'word' });

/** The answer, cut wherever something begins or ends, and never within a character as people see it. */
export function segmentsOf(text: string, marks: Marks): Segment[] {
  const common = marks.commonPrefixChars === null ? 0 : characterAt(text, marks.commonPrefixChars);
  const differs = marks.commonPrefixChars !== null && common < text.length;
  const differenceEnd = differs ? wordEnd(text, common) : common;
  const foreign = marks.foreignFragments.map(({ offset, length, language }) => ({
    ...{ start: characterAt(text, offset), end: characterAt(text, offset + length), language },
  }));
  const drift = marks.driftOffset === null ? null : characterAt(text, marks.driftOffset);
  const cuts = [
    ...[0, text.length, common, differenceEnd],
    ...foreign.flatMap(({ start, end }) => [start, end]),
    ...(drift === null ? [] : [drift]),
  ];
  const places = [...new Set(cuts)].toSorted((one, other) => one - other);
  return places.slice(0, -1).map((start, index) => {
    const within = foreign.find((each) => each.start <= start && start < each.end);
    return {
      text: text.slice(start, places[index + 1]),
      isCommon: start < common,
      isDifference: differs && start >= common && start < differenceEnd,
      foreign: within === undefined ? null : { language: within.language },
      isDrift: start === drift,
    };
  });
}

/** Where the character begins that `offset` may be within. */
function characterAt(text: string, offset: number): number {
  return offset >= text.length ? text.length : characters.segment(text).containing(offset)!.index;
}

/** Where the word ends that holds `start`; a space alone would hardly be seen, so the word after it goes along. */
function wordEnd(text: string, start: number): number {
  const pieces = words.segment(text);
  const piece = pieces.containing(start)!;
  const end = piece.index + piece.segment.length;
  if (text.slice(start, end).trim() !== '' || end >= text.length) return end;
  const next = pieces.containing(end)!;
  return next.index + next.segment.length;
}

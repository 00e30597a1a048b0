import type { Run, Runs } from './schema.ts';

/** One prompt's answers of the first repetition, a lane each; fewer where it ended early. */
export interface Answers {
  readonly prompt: string;
  readonly runs: readonly Run[];
}

/** The first repetition comes first; of what comes after `most` prompts nothing is read. */
export async function* firstAnswers(runs: Runs, most: number): AsyncGenerator<Answers> {
  let together: Run[] = [];
  let given = 0;
  for await (const run of runs) {
    if (run.repetition > 0) break;
    const [before] = together;
    if (before !== undefined && before.prompt !== run.prompt) {
      yield { prompt: before.prompt, runs: together };
      together = [];
      if (++given === most) return;
    }
    together.push(run);
  }
  if (together.length > 0) yield { prompt: together[0]!.prompt, runs: together };
}

/** A piece of an answer; the pieces are the answer. */
export interface Piece {
  readonly text: string;
  /** It begins where the answer parts from lane 0's. */
  readonly isFirstDifference: boolean;
  /** It begins where the answer leaves the language expected. */
  readonly isDriftStart: boolean;
  /** Still as lane 0's. */
  readonly isShared: boolean;
  /** In another language; `undefined` where it is not, null where nobody knows which. */
  readonly foreign: string | null | undefined;
}

/** Cuts an answer where something begins or ends. */
export function piecesOf({ text, commonPrefixChars, isSameText, driftOffset, foreign }: Run): Piece[] {
  const parting = isSameText === true ? null : commonPrefixChars;
  const ends = foreign.flatMap(({ offset, length }) => [offset, offset + length]);
  const marks = [0, ...ends, ...[parting, driftOffset].filter((at) => at !== null)];
  const cuts = [...new Set(marks)].filter((at) => at < text.length).sort((one, other) => one - other);
  return cuts.map((from, index) => ({
    text: text.slice(from, cuts[index + 1]),
    isFirstDifference: from === parting,
    isDriftStart: from === driftOffset,
    isShared: commonPrefixChars !== null && (parting === null || from < parting),
    foreign: foreign.find(({ offset, length }) => from >= offset && from < offset + length)?.language,
  }));
}

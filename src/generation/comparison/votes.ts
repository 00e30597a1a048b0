export type VoteValue = 'BETTER' | 'TIE' | 'WORSE';

/** A lane against lane 0; of lane 0, against all others. */
export interface Vote {
  readonly lane: number;
  readonly value: VoteValue;
  readonly comment: string | null;
  readonly createdAt: Date;
  /** Given while nobody was told which lane is which. */
  readonly isBlind: boolean;
  readonly callerId: string;
}

/** What is counted: which variants a comparison's lanes ran (null: none), and what was said of them. */
export interface Judged {
  readonly variantIds: readonly (string | null)[];
  readonly votes: readonly Pick<Vote, 'lane' | 'value'>[];
}

export interface WinRate {
  readonly variantId: string;
  readonly wins: number;
  readonly ties: number;
  readonly losses: number;
  /** Wins and half the ties, of all; 0 to 1. */
  readonly rate: number;
  /** Wilson's 95 % interval of it. */
  readonly lower: number;
  readonly upper: number;
}

/** The normal distribution's two-sided 95 % quantile. */
const Z = 1.959_963_984_540_054;

/** E. B. Wilson, JASA 22 (1927): the interval of a share seen in `count` trials, clipped to 0 to 1. */
export function wilson(share: number, count: number): { readonly lower: number; readonly upper: number } {
  const z2 = Z ** 2 / count;
  const centre = (share + z2 / 2) / (1 + z2);
  const half = (Z / (1 + z2)) * Math.sqrt((share * (1 - share)) / count + z2 / (4 * count));
  return { lower: Math.max(0, centre - half), upper: Math.min(1, centre + half) };
}

type Tally = Record<VoteValue, number>;

const OPPOSITE = { BETTER: 'WORSE', TIE: 'TIE', WORSE: 'BETTER' } as const;

/** Per variant, best first. A vote counts for its lane's variant and, the other way round, for the variant it was set against. */
export function winRates(comparisons: readonly Judged[]): WinRate[] {
  const tallies = new Map<string, Tally>();
  const count = (variantId: string | null | undefined, value: VoteValue) => {
    if (variantId === null || variantId === undefined) return;
    const tally = tallies.get(variantId) ?? { BETTER: 0, TIE: 0, WORSE: 0 };
    tallies.set(variantId, { ...tally, [value]: tally[value] + 1 });
  };
  for (const { variantIds, votes } of comparisons)
    for (const { lane, value } of votes) {
      count(variantIds[lane], value);
      const against = lane === 0 ? variantIds.slice(1) : variantIds.slice(0, 1);
      for (const variantId of against) count(variantId, OPPOSITE[value]);
    }
  return [...tallies]
    .map(winRate)
    .toSorted((a, b) => b.rate - a.rate || (a.variantId < b.variantId ? -1 : 1));
}

function winRate([variantId, { BETTER: wins, TIE: ties, WORSE: losses }]: readonly [string, Tally]): WinRate {
  const count = wins + ties + losses;
  const rate = (wins + ties / 2) / count;
  return { variantId, wins, ties, losses, rate, ...wilson(rate, count) };
}

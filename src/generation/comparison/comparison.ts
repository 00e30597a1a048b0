import { MixgateError } from '../../errors.ts';
import type { GenerationEvent } from '../events.ts';
import type { Generation } from '../generation.ts';
import type { DivergenceCandidates } from './candidates.ts';
import { ComparisonLog, type EventNumber } from './comparison-log.ts';
import { divergenceOf, type Divergence } from './divergence.ts';
import type { ScheduleDecision } from './schedule.ts';
import type { Judged, Vote, VoteValue } from './votes.ts';

/** One place that ran the prompt. */
export interface ComparisonLane {
  readonly label: string;
  /** Its place in what was asked for; a blind comparison's lanes are shuffled. */
  readonly inputIndex: number;
  readonly generation: Generation;
}

export interface ComparisonOptions {
  readonly id: string;
  readonly callerId: string;
  readonly createdAt: Date;
  readonly isBlind: boolean;
  readonly schedule: ScheduleDecision;
  readonly lanes: readonly ComparisonLane[];
}

/** All there is to know of a comparison that has ended, but for its generations. */
export interface KeptComparison {
  readonly id: string;
  readonly callerId: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly isBlind: boolean;
  readonly schedule: ScheduleDecision;
  readonly lanes: readonly {
    readonly label: string;
    readonly inputIndex: number;
    readonly generationId: string;
    readonly joulesPerToken: number | null;
    readonly candidates: DivergenceCandidates | null;
  }[];
  readonly numbers: readonly EventNumber[];
}

/** What changes after the end. */
export interface Judgement {
  readonly isRevealed: boolean;
  readonly votes: readonly Vote[];
}

const MAX_COMMENT = 10_000;
/** A token, its text and its probability. */
const CANDIDATE_BYTES = 100;

/** One prompt in several places. */
export class Comparison {
  readonly id: string;
  readonly callerId: string;
  readonly createdAt: Date;
  readonly isBlind: boolean;
  readonly schedule: ScheduleDecision;
  readonly lanes: readonly ComparisonLane[];
  #log: ComparisonLog;
  readonly #votes: Vote[] = [];
  readonly #joulesPerToken = new Map<number, number>();
  readonly #divergences = new Map<number, Divergence>();
  readonly #candidates = new Map<number, DivergenceCandidates>();
  #isRevealed: boolean;

  constructor({ id, callerId, createdAt, isBlind, schedule, lanes }: ComparisonOptions) {
    this.id = id;
    this.callerId = callerId;
    this.createdAt = createdAt;
    this.isBlind = isBlind;
    this.schedule = schedule;
    this.lanes = lanes;
    this.#log = new ComparisonLog(id);
    this.#isRevealed = !isBlind;
    if (isBlind) for (const { generation } of lanes) generation.isConcealed = true;
  }

  /** What has ended, from what was kept of it. `generationOf` finds one by its id. */
  static restore(
    { numbers, lanes, createdAt, ...kept }: KeptComparison,
    { isRevealed, votes }: Judgement,
    generationOf: (id: string) => Generation,
  ): Comparison {
    const comparison = new Comparison({
      ...kept,
      createdAt: new Date(createdAt),
      lanes: lanes.map(({ label, inputIndex, generationId }) => ({
        ...{ label, inputIndex },
        generation: generationOf(generationId),
      })),
    });
    lanes.forEach(({ joulesPerToken, candidates }, lane) => {
      if (joulesPerToken !== null) comparison.noteEnergy(lane, joulesPerToken);
      if (candidates !== null) comparison.noteCandidates(lane, candidates);
    });
    comparison.#log = ComparisonLog.restore(kept.id, numbers, (lane, first, last) => {
      const event = comparison.lanes[lane]!.generation.log.eventAfter(first - 1, last)!;
      return comparison.visible(event)!;
    });
    comparison.#votes.push(...votes);
    if (isRevealed) comparison.#reveal();
    return comparison;
  }

  /** What `restore` takes; of one that has ended. */
  keep(): KeptComparison {
    const { id, callerId, isBlind, schedule } = this;
    return {
      ...{ id, callerId, isBlind, schedule },
      createdAt: this.createdAt.getTime(),
      lanes: this.lanes.map(({ label, inputIndex, generation }, lane) => ({
        ...{ label, inputIndex },
        generationId: generation.id,
        joulesPerToken: this.energyPerToken(lane),
        candidates: this.candidates(lane),
      })),
      numbers: this.#log.numbers(),
    };
  }

  get log(): ComparisonLog {
    return this.#log;
  }
  get finished(): boolean {
    return this.log.hasEnded;
  }
  get votes(): readonly Vote[] {
    return this.#votes;
  }
  /** Whether it may be told which lane is which. */
  get isRevealed(): boolean {
    return this.#isRevealed;
  }
  /** About what it keeps alive in memory, bytes. */
  get sizeBytes(): number {
    const tokens = [...this.#candidates.values()].reduce(
      (sum, { own, reference }) => sum + (own ?? []).length + (reference ?? []).length,
      0,
    );
    const candidatesBytes = CANDIDATE_BYTES * tokens;
    return this.lanes.reduce((sum, { generation }) => sum + generation.sizeBytes, 1000 + candidatesBytes);
  }

  /** Joules per token of a lane that decoded alone; null where that is not known. */
  energyPerToken(lane: number): number | null {
    return this.#joulesPerToken.get(lane) ?? null;
  }

  noteEnergy(lane: number, joulesPerToken: number): void {
    this.#joulesPerToken.set(lane, joulesPerToken);
  }

  /** Null for lane 0, before both have ended, and where one of them failed. */
  divergence(lane: number): Divergence | null {
    const known = this.#divergences.get(lane);
    if (known !== undefined || lane === 0) return known ?? null;
    const [reference, own] = [this.lanes[0]!.generation, this.lanes[lane]!.generation];
    if (![reference, own].every(({ hasEnded, error }) => hasEnded && error === null)) return null;
    const divergence = divergenceOf(own.answer, reference.answer);
    this.#divergences.set(lane, divergence);
    return divergence;
  }

  /** What was held likely where the lane's answer parts from lane 0's; null before the end, and where nobody can tell. */
  candidates(lane: number): DivergenceCandidates | null {
    return this.#candidates.get(lane) ?? null;
  }

  noteCandidates(lane: number, candidates: DivergenceCandidates): void {
    this.#candidates.set(lane, candidates);
  }

  /** What a lane's subscribers may know of an event; null for nothing. */
  visible(event: GenerationEvent): GenerationEvent | null {
    if (!this.isBlind) return event;
    switch (event.type) {
      case 'TokenChunk':
      case 'LanguageDrifted':
      case 'GenerationCancelled':
        return event;
      case 'GenerationFailed':
        return { ...event, error: { ...event.error, message: CONCEALED } };
      case 'GenerationQueued':
      case 'PlanChosen':
      case 'ModelLoading':
      case 'GenerationCompleted':
        return null;
    }
  }

  /** A caller's later vote on a lane replaces the earlier one. @throws INVALID_INPUT */
  vote(vote: Omit<Vote, 'isBlind'>): void {
    const problem = this.#problem(vote);
    if (problem !== null) throw new MixgateError('INVALID_INPUT', problem);
    const same = this.#votes.findIndex(
      ({ lane, callerId }) => lane === vote.lane && callerId === vote.callerId,
    );
    if (same !== -1) this.#votes.splice(same, 1);
    this.#votes.push({ ...vote, isBlind: !this.#isRevealed });
    if (!this.#isRevealed && this.#isJudged()) this.#reveal();
  }

  /** For win rates: nothing before it is told which lane is which. */
  get judged(): Judged {
    const variantIds = this.lanes.map(({ generation }) => generation.plan?.variantId ?? null);
    return { variantIds, votes: this.#isRevealed ? this.#votes : [] };
  }

  #problem({ lane, comment }: { lane: number; value: VoteValue; comment: string | null }): string | null {
    if (!this.finished) return 'The answers are not whole yet: vote when the comparison has finished.';
    if (!Number.isInteger(lane) || this.lanes[lane] === undefined)
      return `lane: must be 0 to ${this.lanes.length - 1}.`;
    if (this.lanes[lane].generation.state !== 'COMPLETED') return `lane: lane ${lane} has no whole answer.`;
    return (comment ?? '').length > MAX_COMMENT ? `comment: at most ${MAX_COMMENT} characters.` : null;
  }

  /** Every answer was set against lane 0's, one way or the other; what has no whole answer need not be. */
  #isJudged(): boolean {
    const voted = new Set(this.#votes.map(({ lane }) => lane));
    if (voted.has(0)) return true;
    return this.lanes.every(
      ({ generation }, lane) => lane === 0 || voted.has(lane) || generation.state !== 'COMPLETED',
    );
  }

  #reveal(): void {
    this.#isRevealed = true;
    for (const { generation } of this.lanes) generation.isConcealed = false;
  }
}

export const CONCEALED = 'Why is told once the comparison is voted on.';

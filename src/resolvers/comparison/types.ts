import { Field, Float, ID, Int, ObjectType } from 'type-graphql';
import { PageInfo } from '../generation/connection.ts';
import { GenerationEvent } from '../generation/events.ts';
import { Generation } from '../generation/types.ts';
import { DateTime } from '../scalars.ts';
import { LaneSchedule, VoteValue } from './inputs.ts';

@ObjectType({ description: 'A token that a model held likely.' })
export class TokenCandidate {
  @Field(() => String, {
    description: 'As it is written there; special tokens as they are spelt, half a character as U+FFFD.',
  })
  text!: string;

  @Field(() => Int, { description: 'Its id in the vocabulary.' })
  token!: number;

  @Field(() => Float, {
    description:
      '0 to 1: softmax of the raw logits over the whole vocabulary, at temperature 1 and before any sampling stage.',
  })
  probability!: number;
}

@ObjectType({
  description:
    'What both models held likely after the tokens that the answers have in common, most likely first: the ten likeliest, and the two that were drawn.',
})
export class DivergenceCandidates {
  @Field(() => [TokenCandidate], {
    nullable: true,
    description:
      "By lane 0's model; null where it cannot tell, or not any more: it was unloaded before this lane had answered.",
  })
  reference!: TokenCandidate[] | null;

  @Field(() => [TokenCandidate], {
    nullable: true,
    description: "By the lane's own model; null where it cannot tell.",
  })
  own!: TokenCandidate[] | null;

  @Field(() => Int, { description: 'The token that lane 0 went on with.' })
  referenceToken!: number;

  @Field(() => Int, { description: 'The token that the lane went on with.' })
  ownToken!: number;
}

@ObjectType({ description: 'Where an answer parts from the one of lane 0.' })
export class Divergence {
  @Field(() => Int, {
    nullable: true,
    description:
      'Index of the first token that differs from lane 0; null when one text is a prefix of the other, and where the runtimes do not tell where tokens end.',
  })
  firstDifferentToken!: number | null;

  @Field(() => Int, {
    description:
      'Length of the common prefix, characters: UTF-16 code units, as JavaScript counts; never ends within one.',
  })
  commonPrefixChars!: number;

  @Field(() => DivergenceCandidates, {
    nullable: true,
    description:
      'Null before the final event, while a blind comparison is not voted on, where one text is a prefix of the other, and where no runtime can tell: only llama.cpp on this machine does, for lanes of one model, while it is loaded.',
  })
  candidates!: DivergenceCandidates | null;
}

@ObjectType({ description: 'What somebody thought of an answer.' })
export class Vote {
  @Field(() => Int)
  lane!: number;

  @Field(() => VoteValue)
  value!: VoteValue;

  @Field(() => String, { nullable: true })
  comment!: string | null;

  @Field(() => DateTime)
  createdAt!: Date;

  @Field(() => Boolean, { description: 'Given while nobody was told which lane is which.' })
  isBlind!: boolean;
}

@ObjectType({ description: 'How the lanes run.' })
export class ScheduleDecision {
  @Field(() => LaneSchedule, { description: 'TOGETHER or IN_TURN.' })
  taken!: LaneSchedule;

  @Field(() => [String], {
    description:
      'Why, one sentence each; lanes have their numbers in the input. Empty while a blind comparison is not voted on.',
  })
  reasons!: string[];
}

@ObjectType({ description: 'One place that runs the prompt. Its other fields are measured.' })
export class Lane {
  @Field(() => Generation, {
    description:
      'In turn, its timings begin when its turn comes. Of a blind comparison without plan, timings and message of its error.',
  })
  generation!: Generation;
}

@ObjectType({ description: 'One prompt in several places, side by side.' })
export class Comparison {
  @Field(() => ID)
  id!: string;

  @Field(() => DateTime)
  createdAt!: Date;

  @Field(() => Boolean)
  finished!: boolean;

  @Field(() => Boolean, { description: 'Asked for so: its lanes are shuffled.' })
  isBlind!: boolean;

  @Field(() => Boolean, {
    description:
      'Whether it is told which lane is which: at once or, where it is blind, once every whole answer is voted on.',
  })
  isRevealed!: boolean;

  @Field(() => [Lane])
  lanes!: Lane[];

  @Field(() => [Vote], { description: "A caller's later vote on a lane replaces the earlier one." })
  votes!: Vote[];

  @Field(() => Int, { description: 'Sequence number of the newest event.' })
  lastSequence!: number;
}

@ObjectType({ description: 'What happened in one lane, or the end of all.' })
export class ComparisonEvent {
  @Field(() => ID)
  comparisonId!: string;

  @Field(() => Int, {
    description: 'The event covers this to `sequence`: a slow reader gets chunks of a lane merged.',
  })
  firstSequence!: number;

  @Field(() => Int, { description: 'Numbered from 1 over all lanes; resume with it.' })
  sequence!: number;

  @Field(() => Int, {
    nullable: true,
    description:
      "Index into the comparison's lanes, which are the input's unless it is blind; null for the final event.",
  })
  lane!: number | null;

  @Field(() => GenerationEvent, {
    nullable: true,
    description:
      "The lane's own event; null in the final event. Of a blind comparison no plan and no timings come.",
  })
  event!: GenerationEvent | null;

  @Field(() => Comparison, { nullable: true, description: 'Set once, in the final event.' })
  comparison!: Comparison | null;

  @Field(() => ScheduleDecision, {
    nullable: true,
    description: 'Which schedule was taken, and why. Set in the first event.',
  })
  schedule!: ScheduleDecision | null;
}

@ObjectType({ description: 'A comparison and its place in the list.' })
export class ComparisonEdge {
  @Field(() => String)
  cursor!: string;

  @Field(() => Comparison)
  node!: Comparison;
}

@ObjectType({ description: 'A page of comparisons.' })
export class ComparisonConnection {
  @Field(() => [ComparisonEdge])
  edges!: ComparisonEdge[];

  @Field(() => PageInfo)
  pageInfo!: PageInfo;
}

@ObjectType({ description: 'What votes say of a variant, over all comparisons that are kept.' })
export class WinRate {
  @Field(() => ID)
  variantId!: string;

  @Field(() => Int)
  wins!: number;

  @Field(() => Int)
  ties!: number;

  @Field(() => Int)
  losses!: number;

  @Field(() => Float, { description: 'Wins and half the ties, of all; 0 to 1.' })
  rate!: number;

  @Field(() => Float, { description: "Lower end of Wilson's 95 % interval of it." })
  lower!: number;

  @Field(() => Float, { description: 'Its upper end.' })
  upper!: number;
}

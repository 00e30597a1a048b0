import { Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import { PageInfo } from '../generation/connection.ts';
import { GenerationError } from '../generation/types.ts';
import { QualityResult } from '../quality/types.ts';
import { DateTime, SafeInt } from '../scalars.ts';

export enum EvaluationState {
  COMPLETED = 'COMPLETED',
  FAILED = 'FAILED',
  CANCELLED = 'CANCELLED',
}
registerEnumType(EvaluationState, { name: 'EvaluationState', description: 'How it ended.' });

@ObjectType({ description: 'Which text was measured; the text itself is not kept.' })
export class EvaluatedText {
  @Field(() => String, {
    description: 'SHA-256 of its UTF-8 bytes, hexadecimal: the same text has the same.',
  })
  sha256!: string;

  @Field(() => Int)
  characters!: number;

  @Field(() => String, { description: 'How it begins.' })
  excerpt!: string;
}

@ObjectType({ description: 'What was measured of one quantization.' })
export class EvaluationResult {
  @Field(() => String)
  quantization!: string;

  @Field(() => QualityResult)
  result!: QualityResult;
}

@ObjectType({ description: 'One text measured with some quantizations of a model, at its end.' })
export class Evaluation {
  @Field(() => ID)
  id!: string;

  @Field(() => DateTime)
  createdAt!: Date;

  @Field(() => DateTime)
  finishedAt!: Date;

  @Field(() => EvaluationState)
  state!: EvaluationState;

  @Field(() => GenerationError, { nullable: true, description: 'Set in state FAILED.' })
  error!: GenerationError | null;

  @Field(() => ID)
  model!: string;

  @Field(() => String, { nullable: true, description: 'Quantization that divergence was measured against.' })
  reference!: string | null;

  @Field(() => Int, { description: 'Tokens of a window.' })
  contextSize!: number;

  @Field(() => EvaluatedText)
  text!: EvaluatedText;

  @Field(() => [EvaluationResult], { description: 'In the order they were measured.' })
  results!: EvaluationResult[];
}

@ObjectType({ description: 'An evaluation and its place in the list.' })
export class EvaluationEdge {
  @Field(() => String)
  cursor!: string;

  @Field(() => Evaluation)
  node!: Evaluation;
}

@ObjectType({ description: 'A page of evaluations.' })
export class EvaluationConnection {
  @Field(() => [EvaluationEdge])
  edges!: EvaluationEdge[];

  @Field(() => PageInfo)
  pageInfo!: PageInfo;
}

@ObjectType({ description: 'What the history holds.' })
export class HistoryUsage {
  @Field(() => Int)
  generations!: number;

  @Field(() => Int)
  comparisons!: number;

  @Field(() => Int)
  evaluations!: number;

  @Field(() => SafeInt, { description: 'Of records and what they are searched by, bytes.' })
  bytes!: number;
}

@ObjectType({
  description: 'Whether generations, comparisons, votes and evaluations are kept, and how that goes.',
})
export class HistoryStatus {
  @Field(() => Boolean)
  isOn!: boolean;

  @Field(() => String, {
    nullable: true,
    description: 'Why the database cannot be used now; null where it can. Nothing else is disturbed by it.',
  })
  problem!: string | null;

  @Field(() => Int, { description: 'Changes that wait to be written.' })
  pending!: number;

  @Field(() => Int, { description: 'Changes that could not be written and were given up, since the start.' })
  lost!: number;
}

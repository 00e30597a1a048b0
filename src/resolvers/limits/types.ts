import { Field, Int, ObjectType } from 'type-graphql';
import { SafeInt } from '../scalars.ts';

@ObjectType({ description: 'What of its limits a caller has used.' })
export class LimitsUse {
  @Field(() => Int, { description: 'Slots that it holds.' })
  running!: number;

  @Field(() => Int, { description: 'Generations that wait.' })
  queued!: number;

  @Field(() => Int, { description: 'Operations in this minute; 0 where they are not limited.' })
  requests!: number;

  @Field(() => SafeInt, { description: 'Tokens in this minute; 0 where they are not limited.' })
  tokens!: number;
}

@ObjectType({ description: 'What a caller may ask for; null where nothing is limited.' })
export class Limits {
  @Field(() => SafeInt, { nullable: true, description: 'Of all messages of a prompt together.' })
  maxPromptBytes!: number | null;

  @Field(() => Int, { nullable: true, description: 'Generations and evaluations at once; more wait.' })
  maxRunning!: number | null;

  @Field(() => Int, { nullable: true, description: 'Generations that may wait; more are refused.' })
  maxQueued!: number | null;

  @Field(() => Int, { nullable: true })
  requestsPerMinute!: number | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Of prompts and answers; who has used them starts nothing more in that minute.',
  })
  tokensPerMinute!: number | null;

  @Field(() => LimitsUse)
  used!: LimitsUse;
}

import { Field, Float, ID, Int, InterfaceType, ObjectType } from 'type-graphql';
import type { GenerationEvent as GenerationEventFacts } from '../../generation/events.ts';
import { LanguageReport } from '../language/types.ts';
import { FinishReason } from './enums.ts';
import { GenerationError, Timings, TokenUsage } from './types.ts';

@InterfaceType({
  resolveType: ({ type }: GenerationEventFacts) => type,
  description:
    'Events of one generation, numbered from 1 without gaps in what they cover: an event covers `firstSequence` to ' +
    '`sequence`. A slow reader gets consecutive token chunks merged into one (its range grows), never a lost or a ' +
    'repeated character.',
})
export abstract class GenerationEvent {
  @Field(() => ID)
  generationId!: string;

  @Field(() => Int)
  firstSequence!: number;

  @Field(() => Int)
  sequence!: number;
}

@ObjectType({ implements: GenerationEvent, description: 'It waits for a slot.' })
export class GenerationQueued extends GenerationEvent {
  @Field(() => Int, {
    description: 'Generations ahead of this one; beyond 10 told when it has changed by a tenth.',
  })
  position!: number;
}

@ObjectType({
  implements: GenerationEvent,
  description: 'Where and how it will run. Its field `plan` says why.',
})
export class PlanChosen extends GenerationEvent {}

@ObjectType({ implements: GenerationEvent, description: 'Its model is being loaded.' })
export class ModelLoading extends GenerationEvent {
  @Field(() => Float, { description: '0 to 1.' })
  progress!: number;
}

@ObjectType({ implements: GenerationEvent, description: 'More of the answer.' })
export class TokenChunk extends GenerationEvent {
  @Field(() => String)
  text!: string;

  @Field(() => Int, { description: 'Tokens in this chunk.' })
  tokens!: number;
}

@ObjectType({
  implements: GenerationEvent,
  description:
    'The answer has left the language it is expected in, and stops (onLanguageDrift STOP or RETRY). What was sent stays ' +
    'as it is; a second attempt is a generation of its own.',
})
export class LanguageDrifted extends GenerationEvent {
  @Field(() => Int, { description: 'Where it did, UTF-16 units from the start of the answer.' })
  offset!: number;

  @Field(() => String, { nullable: true, description: 'The expected one. ISO 639-1.' })
  fromLanguage!: string | null;

  @Field(() => String, { nullable: true, description: 'ISO 639-1, null when undetermined.' })
  toLanguage!: string | null;

  @Field(() => ID, {
    nullable: true,
    description:
      'The generation that tries again, to be followed with generationEvents; null under STOP, and where none could be ' +
      'started.',
  })
  retriedAs!: string | null;
}

@ObjectType({ implements: GenerationEvent, description: 'The answer is whole. Final.' })
export class GenerationCompleted extends GenerationEvent {
  @Field(() => FinishReason)
  finishReason!: FinishReason;

  @Field(() => TokenUsage)
  usage!: TokenUsage;

  @Field(() => Timings)
  timings!: Timings;

  @Field(() => LanguageReport, { nullable: true })
  language!: LanguageReport | null;
}

@ObjectType({ implements: GenerationEvent, description: 'It could not be finished. Final.' })
export class GenerationFailed extends GenerationEvent {
  @Field(() => GenerationError)
  error!: GenerationError;
}

@ObjectType({ implements: GenerationEvent, description: 'It was cancelled. Final.' })
export class GenerationCancelled extends GenerationEvent {
  @Field(() => TokenUsage)
  usage!: TokenUsage;
}

/** All of them, for the schema: nothing else refers to the implementations. */
export const GENERATION_EVENTS = [
  GenerationQueued,
  PlanChosen,
  ModelLoading,
  TokenChunk,
  LanguageDrifted,
  GenerationCompleted,
  GenerationFailed,
  GenerationCancelled,
];

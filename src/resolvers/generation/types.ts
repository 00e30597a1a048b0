import { Field, Float, ID, Int, ObjectType } from 'type-graphql';
import { ErrorCode } from '../../errors.ts';
import { LanguageReport } from '../language/types.ts';
import { KvCacheType, PlanObjective } from '../plan/types.ts';
import { DateTime, Json, SafeInt } from '../scalars.ts';
import { ChatRole, FinishReason, GenerationState, LanguageDriftPolicy } from './enums.ts';

@ObjectType({ description: 'Why a generation failed.' })
export class GenerationError {
  @Field(() => ErrorCode)
  code!: ErrorCode;

  @Field(() => String, { description: 'A sentence that says what to do.' })
  message!: string;

  @Field(() => Boolean, { description: 'The same request may succeed later.' })
  retryable!: boolean;

  @Field(() => Int, {
    nullable: true,
    description:
      'When trying again makes sense, milliseconds after the failure; null where that is not known.',
  })
  retryAfterMs?: number | null | undefined;
}

@ObjectType({ description: 'Tokens. The cached prompt tokens are part of the prompt tokens.' })
export class TokenUsage {
  @Field(() => Int)
  promptTokens!: number;

  @Field(() => Int, { description: 'Prompt tokens that were still in the slot and not computed again.' })
  cachedPromptTokens!: number;

  @Field(() => Int)
  completionTokens!: number;
}

@ObjectType({ description: 'One stage of the work. Null where count or time is 0.' })
export class StageTiming {
  @Field(() => Float)
  ms!: number;

  @Field(() => Int)
  count!: number;

  @Field(() => Float, { nullable: true })
  msPerToken!: number | null;

  @Field(() => Float, { nullable: true })
  tokensPerSecond!: number | null;
}

@ObjectType({
  description: "The stages llama.cpp's print_timings reports, plus what a gateway adds. Milliseconds.",
})
export class Timings {
  @Field(() => Float, { description: 'Waiting for a slot.' })
  queueMs!: number;

  @Field(() => Float, { description: 'Waiting for the model to load; 0 when it was resident.' })
  loadMs!: number;

  @Field(() => Float, { nullable: true, description: 'From the request to the first token.' })
  timeToFirstTokenMs!: number | null;

  @Field(() => StageTiming, {
    nullable: true,
    description: 'Null where the runtime does not report sampling by itself.',
  })
  sample!: StageTiming | null;

  @Field(() => StageTiming, { description: 'The part of the prompt that was not cached.' })
  promptEval!: StageTiming;

  @Field(() => StageTiming, { description: 'Decode steps after the first token, without sampling.' })
  eval!: StageTiming;

  @Field(() => Float, { description: 'From the request to the end.' })
  totalMs!: number;
}

@ObjectType({ description: 'One message of a conversation.' })
export class ChatMessage {
  @Field(() => ChatRole)
  role!: ChatRole;

  @Field(() => String)
  content!: string;
}

@ObjectType({ description: 'Exactly one of the two is set.' })
export class Prompt {
  @Field(() => String, { nullable: true, description: 'Raw text, given to the model as it is.' })
  text!: string | null;

  @Field(() => [ChatMessage], {
    nullable: true,
    description: "A conversation, rendered through the model's chat template.",
  })
  messages!: ChatMessage[] | null;
}

@ObjectType({ description: 'How tokens were drawn, with what was left out filled in; as in SamplingInput.' })
export class Sampling {
  @Field(() => Float)
  temperature!: number;

  @Field(() => Int)
  topK!: number;

  @Field(() => Float)
  topP!: number;

  @Field(() => Float)
  minP!: number;

  @Field(() => Float)
  repeatPenalty!: number;

  @Field(() => Int)
  repeatLastN!: number;

  @Field(() => Float)
  presencePenalty!: number;

  @Field(() => Float)
  frequencyPenalty!: number;
}

@ObjectType({
  description: 'What was asked for; null where it was left to the planner. As in GenerateInput.',
})
export class GenerationSettings {
  @Field(() => ID)
  model!: string;

  @Field(() => String, { nullable: true })
  quantization!: string | null;

  @Field(() => ID, { nullable: true })
  backend!: string | null;

  @Field(() => ID, { nullable: true })
  device!: string | null;

  @Field(() => Int, { nullable: true })
  gpuLayers!: number | null;

  @Field(() => Int)
  contextSize!: number;

  @Field(() => KvCacheType, { nullable: true })
  kvCacheType!: KvCacheType | null;

  @Field(() => PlanObjective)
  objective!: PlanObjective;

  @Field(() => Sampling)
  sampling!: Sampling;

  @Field(() => Int, { nullable: true })
  maxTokens!: number | null;

  @Field(() => [String])
  stop!: string[];

  @Field(() => Json, { nullable: true })
  jsonSchema!: unknown;

  @Field(() => Int)
  priority!: number;

  @Field(() => LanguageDriftPolicy)
  onLanguageDrift!: LanguageDriftPolicy;
}

@ObjectType({ description: 'One prompt and its answer.' })
export class Generation {
  @Field(() => ID)
  id!: string;

  @Field(() => ID, { nullable: true, description: 'The comparison that it is a lane of.' })
  comparisonId!: string | null;

  @Field(() => GenerationState)
  state!: GenerationState;

  @Field(() => DateTime)
  createdAt!: Date;

  @Field(() => DateTime, { nullable: true })
  finishedAt!: Date | null;

  @Field(() => String, { description: 'Text produced so far.' })
  text!: string;

  @Field(() => FinishReason, { nullable: true, description: 'Set in state COMPLETED.' })
  finishReason!: FinishReason | null;

  @Field(() => GenerationError, { nullable: true, description: 'Set in state FAILED.' })
  error!: GenerationError | null;

  @Field(() => TokenUsage)
  usage!: TokenUsage;

  @Field(() => Timings, { nullable: true, description: 'Set in state COMPLETED.' })
  timings!: Timings | null;

  @Field(() => LanguageReport, { nullable: true, description: 'Of the answer; null while it runs.' })
  language!: LanguageReport | null;

  @Field(() => ID, {
    nullable: true,
    description: 'The generation that tries again, because this answer drifted.',
  })
  retriedAs!: string | null;

  @Field(() => ID, { nullable: true, description: 'The generation that this one tries again.' })
  retryOf!: string | null;

  @Field(() => SafeInt, {
    nullable: true,
    description: 'The seed used: the one asked for, or the one drawn.',
  })
  seed!: number | null;

  @Field(() => Int, { description: 'Sequence number of the newest event.' })
  lastSequence!: number;
}

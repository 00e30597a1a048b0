import { Field, Float, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { ErrorCode } from '../../errors.ts';
import { LanguageReport } from '../language/types.ts';
import { KvCacheType, PlanObjective } from '../plan/types.ts';
import { DateTime, Json, SafeInt } from '../scalars.ts';

export enum ChatRole {
  SYSTEM = 'SYSTEM',
  USER = 'USER',
  ASSISTANT = 'ASSISTANT',
}
export enum DisconnectPolicy {
  CANCEL = 'CANCEL',
  CONTINUE = 'CONTINUE',
}
export enum LanguageDriftPolicy {
  IGNORE = 'IGNORE',
  STOP = 'STOP',
  RETRY = 'RETRY',
}
export enum GenerationState {
  QUEUED = 'QUEUED',
  LOADING = 'LOADING',
  PREFILL = 'PREFILL',
  DECODING = 'DECODING',
  COMPLETED = 'COMPLETED',
  FAILED = 'FAILED',
  CANCELLED = 'CANCELLED',
}
export enum FinishReason {
  END_OF_TEXT = 'END_OF_TEXT',
  MAX_TOKENS = 'MAX_TOKENS',
  STOP_SEQUENCE = 'STOP_SEQUENCE',
  CONTEXT_FULL = 'CONTEXT_FULL',
  LANGUAGE_DRIFT = 'LANGUAGE_DRIFT',
}
registerEnumType(ChatRole, { name: 'ChatRole', description: 'Who speaks.' });
registerEnumType(DisconnectPolicy, {
  name: 'DisconnectPolicy',
  description: 'What happens when the last subscriber leaves before the end.',
});
registerEnumType(LanguageDriftPolicy, {
  name: 'LanguageDriftPolicy',
  description:
    'What happens when an answer leaves the language it is expected in for a run of words: nothing but the report; it ' +
    'is stopped; or it is stopped and asked for once more, as a generation of its own (`retriedAs`).',
});
registerEnumType(GenerationState, {
  name: 'GenerationState',
  description:
    'Waiting, loading the model, reading the prompt, writing the answer, or ended in one of three ways.',
});
registerEnumType(FinishReason, {
  name: 'FinishReason',
  description: 'Why a completed answer ends where it ends.',
});
registerEnumType(ErrorCode, {
  name: 'ErrorCode',
  description: 'What went wrong; the message says what to do. Also `extensions.code` of an error.',
});

@InputType({ description: 'One message of a conversation.' })
export class ChatMessageInput {
  @Field(() => ChatRole)
  role!: ChatRole;

  @Field(() => String)
  content!: string;
}

@InputType({ description: 'Exactly one of the two.' })
export class PromptInput {
  @Field(() => String, {
    nullable: true,
    description: 'Raw text, given to the model as it is (no chat template).',
  })
  text?: string | null;

  @Field(() => [ChatMessageInput], {
    nullable: true,
    description: "A conversation, rendered through the model's chat template.",
  })
  messages?: ChatMessageInput[] | null;
}

@InputType({ description: 'How the next token is drawn. The stages run in the order of llama.cpp.' })
export class SamplingInput {
  @Field(() => Float, { nullable: true, defaultValue: 0.7, description: '0 is greedy; at most 10.' })
  temperature?: number | null;

  @Field(() => Int, { nullable: true, defaultValue: 40, description: '0 is off.' })
  topK?: number | null;

  @Field(() => Float, { nullable: true, defaultValue: 0.95, description: '0 to 1; 1 is off.' })
  topP?: number | null;

  @Field(() => Float, { nullable: true, defaultValue: 0.05, description: '0 to 1; 0 is off.' })
  minP?: number | null;

  @Field(() => Float, { nullable: true, defaultValue: 1.1, description: '1 is off.' })
  repeatPenalty?: number | null;

  @Field(() => Int, {
    nullable: true,
    defaultValue: 64,
    description: 'Tokens that the penalties look back, prompt included; 0 none, -1 the whole context.',
  })
  repeatLastN?: number | null;

  @Field(() => Float, { nullable: true, defaultValue: 0 })
  presencePenalty?: number | null;

  @Field(() => Float, { nullable: true, defaultValue: 0 })
  frequencyPenalty?: number | null;

  @Field(() => SafeInt, {
    nullable: true,
    description:
      'Same seed, variant, device and build: same text. Random when null; the one used is reported. 0 to 2^32 - 2.',
  })
  seed?: number | null;
}

@InputType({ description: 'One prompt and how to answer it. What is left out, the planner chooses.' })
export class GenerateInput {
  @Field(() => ID)
  model!: string;

  @Field(() => PromptInput)
  prompt!: PromptInput;

  @Field(() => String, { nullable: true })
  quantization?: string | null;

  @Field(() => ID, { nullable: true })
  backend?: string | null;

  @Field(() => ID, { nullable: true })
  device?: string | null;

  @Field(() => Int, { nullable: true, description: "Counted as llama.cpp's --n-gpu-layers does." })
  gpuLayers?: number | null;

  @Field(() => Int, {
    nullable: true,
    defaultValue: 2048,
    description: "Tokens for prompt and answer. The default gives way to a model's shorter length.",
  })
  contextSize?: number | null;

  @Field(() => KvCacheType, { nullable: true, description: "Null: the runtime's own, F16." })
  kvCacheType?: KvCacheType | null;

  @Field(() => PlanObjective, { nullable: true, defaultValue: PlanObjective.BALANCED })
  objective?: PlanObjective | null;

  @Field(() => SamplingInput, { nullable: true })
  sampling?: SamplingInput | null;

  @Field(() => Int, {
    nullable: true,
    description: "Null: until the model ends or the context is full (llama.cpp's --n-predict -1).",
  })
  maxTokens?: number | null;

  @Field(() => [String], {
    nullable: true,
    description: 'Texts that end the answer; they are not part of it.',
  })
  stop?: string[] | null;

  @Field(() => Json, { nullable: true, description: 'JSON schema the answer must satisfy.' })
  jsonSchema?: unknown;

  @Field(() => Int, {
    nullable: true,
    defaultValue: 0,
    description: 'Higher runs first among waiting generations; 0 by default.',
  })
  priority?: number | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Fail with WAIT_TIMEOUT when no slot was free within this many milliseconds.',
  })
  maxWaitMs?: number | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Fail with RUN_TIMEOUT when the answer takes longer than this, milliseconds.',
  })
  maxRunMs?: number | null;

  @Field(() => DisconnectPolicy, { nullable: true, defaultValue: DisconnectPolicy.CANCEL })
  onDisconnect?: DisconnectPolicy | null;

  @Field(() => LanguageDriftPolicy, { nullable: true, defaultValue: LanguageDriftPolicy.IGNORE })
  onLanguageDrift?: LanguageDriftPolicy | null;
}

@ObjectType({ description: 'Why a generation failed.' })
export class GenerationError {
  @Field(() => ErrorCode)
  code!: ErrorCode;

  @Field(() => String, { description: 'A sentence that says what to do.' })
  message!: string;

  @Field(() => Boolean, { description: 'The same request may succeed later.' })
  retryable!: boolean;
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

@ObjectType({ description: 'One prompt and its answer.' })
export class Generation {
  @Field(() => ID)
  id!: string;

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

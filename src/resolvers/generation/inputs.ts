import { Field, Float, ID, InputType, Int } from 'type-graphql';
import { KvCacheType, PlanObjective } from '../plan/types.ts';
import { Json, SafeInt } from '../scalars.ts';
import { ChatRole, DisconnectPolicy, LanguageDriftPolicy } from './enums.ts';

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

/** Which model, and where it runs. */
@InputType()
export class PlacementInput {
  @Field(() => ID)
  model!: string;

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
}

@InputType({ description: 'One prompt and how to answer it. What is left out, the planner chooses.' })
export class GenerateInput extends PlacementInput {
  @Field(() => PromptInput)
  prompt!: PromptInput;

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

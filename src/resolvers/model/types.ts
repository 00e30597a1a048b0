import { Field, Float, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import { Json, SafeInt } from '../scalars.ts';

export enum WeightFormat {
  GGUF = 'GGUF',
  MLC = 'MLC',
}
registerEnumType(WeightFormat, {
  name: 'WeightFormat',
  description: 'Container format of the weights; decides which engines can run them.',
});

export enum VariantAvailability {
  LOCAL = 'LOCAL',
  REMOTE = 'REMOTE',
  PULLING = 'PULLING',
}
registerEnumType(VariantAvailability, {
  name: 'VariantAvailability',
  description: "Where a variant's weights are right now.",
});

@ObjectType({ description: 'The experts of a mixture-of-experts layer.' })
export class Experts {
  @Field(() => Int, { description: 'Experts per layer.' })
  count!: number;

  @Field(() => Int, { description: 'Experts that one token uses.' })
  usedPerToken!: number;
}

@ObjectType({
  description: 'A prior, not a measurement of this file; `source` says whose measurement it is.',
})
export class QualityLoss {
  @Field(() => Float, {
    nullable: true,
    description: 'Mean KL divergence of the next-token distribution against F16, nats.',
  })
  klDivergence!: number | null;

  @Field(() => Float, { nullable: true, description: 'Perplexity ratio against F16, 1 = no loss.' })
  perplexityRatio!: number | null;

  @Field(() => String, { description: 'Whose measurement, on which model.' })
  source!: string;
}

@ObjectType({ description: 'What a browser needs to run weights in MLC format.' })
export class MlcNeeds {
  @Field(() => String, {
    nullable: true,
    description:
      "The model library (WebAssembly): a file beside the weights, or its address in web-llm's own list; null where neither has it.",
  })
  library!: string | null;

  @Field(() => String, {
    nullable: true,
    description: "Version of the library as web-llm's list names it; null where nothing says it.",
  })
  libraryVersion!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Why no engine of this gateway can run it, and what to do; null where one can.',
  })
  problem!: string | null;

  @Field(() => [String], {
    description: "WebGPU features that the browser's GPU must have, e.g. `shader-f16`.",
  })
  requiredFeatures!: string[];

  @Field(() => SafeInt, {
    nullable: true,
    description:
      "Memory it takes at its own context length, bytes, from web-llm's list; null where that lacks it.",
  })
  requiredBytes!: number | null;

  @Field(() => SafeInt, {
    nullable: true,
    description:
      "Size of the storage buffer that the GPU must allow, bytes: from web-llm's list, else of the largest tensor.",
  })
  requiredBufferBytes!: number | null;
}

@ObjectType({ description: 'How a model cuts text into tokens, as its weights say.' })
export class Tokenizer {
  @Field(() => String, {
    nullable: true,
    description: 'GGUF `tokenizer.ggml.model`, e.g. `llama` or `gpt2`; null where the weights do not say.',
  })
  model!: string | null;

  @Field(() => String, { nullable: true, description: 'GGUF `tokenizer.ggml.pre`.' })
  preTokenizer!: string | null;

  @Field(() => Int, { description: 'Tokens that it knows.' })
  vocabularySize!: number;
}

@ObjectType({ description: 'One quantization of a model.' })
export class Variant {
  @Field(() => ID, { description: '`<model id>:<quantization>`' })
  id!: string;

  @Field(() => String, { description: 'llama.cpp or MLC name: `Q2_K`, `Q4_K_M`, `F16`, `q4f16_1`, …' })
  quantization!: string;

  @Field(() => WeightFormat)
  format!: WeightFormat;

  @Field(() => SafeInt, { description: 'Size of the weights on disk, bytes.' })
  sizeBytes!: number;

  @Field(() => Float, { description: 'Weight bytes times 8 over all parameters, from the tensor table.' })
  bitsPerWeight!: number;

  @Field(() => QualityLoss, {
    nullable: true,
    description:
      'Prior for the quality lost against F16, from published measurements; null where none is known.',
  })
  qualityLoss!: QualityLoss | null;

  @Field(() => MlcNeeds, { nullable: true, description: 'Null for GGUF.' })
  mlc!: MlcNeeds | null;
}

@ObjectType({ description: 'What a manifest says of a model beyond its weights.' })
export class ModelSettings {
  @Field(() => String, { description: 'The manifest that says so.' })
  manifest!: string;

  @Field(() => Json, {
    nullable: true,
    description: 'Defaults for requests that leave `sampling` out; names as in SamplingInput.',
  })
  sampling!: Record<string, number> | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Chat template in Jinja, used from the next load on instead of the one that the weights carry.',
  })
  chatTemplate!: string | null;

  @Field(() => Json, {
    nullable: true,
    description: 'How it is kept loaded; null: it is loaded when it is needed.',
  })
  pin!: Record<string, unknown> | null;
}

@ObjectType({
  description: "A model, whatever its quantization. Numbers come from the weights' own metadata.",
})
export class Model {
  @Field(() => ID)
  id!: string;

  @Field(() => String)
  name!: string;

  @Field(() => String, { description: 'GGUF `general.architecture`, e.g. `llama`.' })
  architecture!: string;

  @Field(() => SafeInt, { description: 'All parameters, experts included.' })
  parameters!: number;

  @Field(() => SafeInt, {
    description: "Parameters one token's forward pass touches; equals `parameters` for a dense model.",
  })
  activeParameters!: number;

  @Field(() => Experts, {
    nullable: true,
    description: 'Experts per MoE layer and how many a token uses; null for a dense model.',
  })
  experts!: Experts | null;

  @Field(() => Int)
  layers!: number;

  @Field(() => Int, { description: 'Context length the model was trained for, tokens.' })
  contextLength!: number;

  @Field(() => String, {
    nullable: true,
    description: 'Chat template in Jinja, or null when the model has none.',
  })
  chatTemplate!: string | null;

  @Field(() => String, { nullable: true, description: 'As the weights name it; null where they do not say.' })
  license!: string | null;

  @Field(() => Tokenizer)
  tokenizer!: Tokenizer;

  @Field(() => [Variant], { description: 'Smallest first.' })
  variants!: Variant[];
}

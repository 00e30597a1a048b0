import { Field, Float, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';

export enum QualityTextFormat {
  TEXT = 'TEXT',
  DOCUMENTS = 'DOCUMENTS',
}
registerEnumType(QualityTextFormat, {
  name: 'QualityTextFormat',
  description: 'How a text is cut into windows, each of which is read from an empty context.',
  valuesConfig: {
    TEXT: {
      description:
        'As llama-perplexity: windows of `contextSize` that do not overlap, the second half of each scored, what does not fill a window at the end left out. A text that does not fill one is scored whole.',
    },
    DOCUMENTS: {
      description:
        'One JSON document a line, each a window of its own, cut at `contextSize`: `{"text": "…"}`, or `{"parts": [{"text": "…", "isScored": false}, …]}` where only some parts are scored. Special tokens count.',
    },
  },
});

@InputType({ description: 'What quantizations of a model make of a text of yours.' })
export class EvaluateQualityInput {
  @Field(() => ID)
  model!: string;

  @Field(() => [String])
  quantizations!: string[];

  @Field(() => String, {
    nullable: true,
    description: 'Quantization to measure divergence against; none: perplexity only. It comes first.',
  })
  reference?: string | null;

  @Field(() => String, { description: 'At most 4 MiB, as every request.' })
  text!: string;

  @Field(() => QualityTextFormat, { nullable: true, defaultValue: QualityTextFormat.TEXT })
  format?: QualityTextFormat | null;

  @Field(() => Int, {
    nullable: true,
    description: "Tokens of a window; left out: 512, or the model's own length where that is shorter.",
  })
  contextSize?: number | null;

  @Field(() => Int, { nullable: true, description: 'Only the first windows; left out: all.' })
  maxWindows?: number | null;

  @Field(() => ID, { nullable: true, description: 'On this device only.' })
  device?: string | null;
}

@ObjectType({ description: 'Of all scored tokens.' })
export class QualityResult {
  @Field(() => Int, { description: 'Tokens scored.' })
  tokens!: number;

  @Field(() => Float)
  perplexity!: number;

  @Field(() => Float, { nullable: true, description: 'Mean over tokens, nats; null without a reference.' })
  klDivergence!: number | null;

  @Field(() => Float, {
    nullable: true,
    description:
      "Share of tokens whose most likely next token equals the reference's, 0 to 1; null without a reference.",
  })
  sameTopToken!: number | null;
}

@ObjectType({ description: 'How far the measuring of one quantization is; it never falls.' })
export class QualityEvent {
  @Field(() => String)
  quantization!: string;

  @Field(() => Float, { description: '0 to 1, of this quantization.' })
  progress!: number;

  @Field(() => QualityResult, {
    nullable: true,
    description: "Set in the quantization's last event.",
  })
  result!: QualityResult | null;
}

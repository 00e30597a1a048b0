import { Field, Float, Int, ObjectType } from 'type-graphql';

@ObjectType({ description: 'How much of an answer is in one language.' })
export class LanguageShare {
  @Field(() => String, { description: 'ISO 639-1.' })
  language!: string;

  @Field(() => Float, {
    description:
      'Of the words whose language is known, 0 to 1; a Han character counts 0.7 words, a kana 0.4.',
  })
  share!: number;
}

@ObjectType({
  description:
    'A part of an answer in another language than expected: a single word, or all the rest. Code, numbers, addresses, ' +
    'acronyms and names are none.',
})
export class ForeignFragment {
  @Field(() => Int, { description: 'UTF-16 units from the start of the answer.' })
  offset!: number;

  @Field(() => Int, { description: 'UTF-16 units.' })
  length!: number;

  @Field(() => String)
  text!: string;

  @Field(() => String, { nullable: true, description: 'ISO 639-1, null when undetermined.' })
  language!: string | null;
}

@ObjectType({
  description: "Which languages the answer is written in, and whether it left the prompt's language.",
})
export class LanguageReport {
  @Field(() => String, {
    nullable: true,
    description: 'Language of the prompt itself, whatever it quotes. ISO 639-1, null when undetermined.',
  })
  promptLanguage!: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'What the prompt asks to be answered in, or else its own language; the rest is measured by it.',
  })
  expectedLanguage!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Language of most of the answer. ISO 639-1, null when undetermined.',
  })
  answerLanguage!: string | null;

  @Field(() => [LanguageShare], { description: 'Every language of the answer, most first.' })
  languages!: LanguageShare[];

  @Field(() => Float, {
    description:
      "Share of the answer's letters, code aside, written in the expected language's scripts, 0 to 1; 1 where nothing " +
      'is expected or written.',
  })
  consistency!: number;

  @Field(() => Int, {
    nullable: true,
    description:
      'Character offset (UTF-16) where the answer first drifts for a run of words; null when it does not.',
  })
  driftOffset!: number | null;

  @Field(() => [ForeignFragment], { description: 'In the order of the text.' })
  foreignFragments!: ForeignFragment[];
}

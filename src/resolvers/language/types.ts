import { Field, Float, Int, ObjectType } from 'type-graphql';

@ObjectType({
  description: "Which languages the answer is written in, and whether it left the prompt's language.",
})
export class LanguageReport {
  @Field(() => String, { nullable: true, description: 'ISO 639-1, null when undetermined.' })
  promptLanguage!: string | null;

  @Field(() => String, { nullable: true, description: 'ISO 639-1, null when undetermined.' })
  answerLanguage!: string | null;

  @Field(() => Float, {
    description: "Share of the answer's letters written in the prompt language's scripts, 0 to 1.",
  })
  consistency!: number;

  @Field(() => Int, {
    nullable: true,
    description: 'Character offset where the answer first drifts for a run of words; null when it does not.',
  })
  driftOffset!: number | null;
}

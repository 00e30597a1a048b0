import { ArgsType, Field, ID, InputType } from 'type-graphql';
import type { Viewer } from '../../access/ownership.ts';
import type { ComparisonFilter } from '../../generation/history/comparison-columns.ts';
import type { EvaluationFilter } from '../../generation/history/evaluation-columns.ts';
import type { GenerationFilter } from '../../generation/history/generation-columns.ts';
import { GenerationState } from '../generation/enums.ts';
import { PageArgs } from '../page.ts';
import { DateTime } from '../scalars.ts';

/** What is left out is not asked for; all that is asked must hold. */

@InputType()
class CreatedFilterInput {
  @Field(() => DateTime, { nullable: true })
  createdFrom?: Date | null;

  @Field(() => DateTime, { nullable: true })
  createdBefore?: Date | null;
}

@InputType({
  description:
    'All that is asked must hold. By model, quantization, backend and device no lane of a blind comparison is found that is not voted on.',
})
export class GenerationFilterInput extends CreatedFilterInput {
  @Field(() => ID, { nullable: true })
  model?: string | null;

  @Field(() => String, { nullable: true })
  quantization?: string | null;

  @Field(() => ID, { nullable: true })
  backend?: string | null;

  @Field(() => ID, { nullable: true })
  device?: string | null;

  @Field(() => [GenerationState], { nullable: true })
  states?: GenerationState[] | null;

  @Field(() => String, { nullable: true, description: "The answer's, ISO 639-1." })
  language?: string | null;

  @Field(() => Boolean, { nullable: true, description: 'Whether the answer left its language.' })
  drifted?: boolean | null;

  @Field(() => ID, { nullable: true, description: 'The comparison that it is a lane of.' })
  comparison?: string | null;

  @Field(() => Boolean, { nullable: true, description: 'Whether it is a lane of any comparison.' })
  isLane?: boolean | null;

  @Field(() => String, { nullable: true, description: 'In prompt or answer, whatever the case.' })
  search?: string | null;
}

@InputType({ description: 'All that is asked must hold.' })
export class ComparisonFilterInput extends CreatedFilterInput {
  @Field(() => ID, { nullable: true, description: 'Of any lane.' })
  model?: string | null;

  @Field(() => Boolean, { nullable: true })
  voted?: boolean | null;

  @Field(() => String, { nullable: true, description: 'In the prompt or an answer, whatever the case.' })
  search?: string | null;
}

@InputType({ description: 'All that is asked must hold.' })
export class EvaluationFilterInput extends CreatedFilterInput {
  @Field(() => ID, { nullable: true })
  model?: string | null;
}

@ArgsType()
export class GenerationsArgs extends PageArgs {
  @Field(() => GenerationFilterInput, { nullable: true })
  filter?: GenerationFilterInput | null;
}

@ArgsType()
export class ComparisonsArgs extends PageArgs {
  @Field(() => ComparisonFilterInput, { nullable: true })
  filter?: ComparisonFilterInput | null;
}

@ArgsType()
export class EvaluationsArgs extends PageArgs {
  @Field(() => EvaluationFilterInput, { nullable: true })
  filter?: EvaluationFilterInput | null;
}

const created = ({ createdFrom, createdBefore }: CreatedFilterInput) => ({
  createdFrom: createdFrom?.getTime() ?? null,
  createdBefore: createdBefore?.getTime() ?? null,
});

export const generationFilter = (input: GenerationFilterInput, { sees }: Viewer): GenerationFilter => ({
  ...created(input),
  callerId: sees,
  modelId: input.model ?? null,
  quantization: input.quantization ?? null,
  backendId: input.backend ?? null,
  deviceId: input.device ?? null,
  states: input.states ?? null,
  language: input.language ?? null,
  hasDrifted: input.drifted ?? null,
  comparisonId: input.comparison ?? null,
  isLane: input.isLane ?? null,
  search: input.search ?? null,
});

export const comparisonFilter = (input: ComparisonFilterInput, { sees }: Viewer): ComparisonFilter => ({
  ...created(input),
  callerId: sees,
  modelId: input.model ?? null,
  hasVotes: input.voted ?? null,
  search: input.search ?? null,
});

export const evaluationFilter = (input: EvaluationFilterInput, { sees }: Viewer): EvaluationFilter => ({
  ...created(input),
  callerId: sees,
  modelId: input.model ?? null,
});

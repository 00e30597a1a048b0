import { Field, InputType, Int, registerEnumType } from 'type-graphql';
import { DisconnectPolicy } from '../generation/enums.ts';
import { PlacementInput, PromptInput, SamplingInput } from '../generation/inputs.ts';

export enum LaneSchedule {
  AUTO = 'AUTO',
  TOGETHER = 'TOGETHER',
  IN_TURN = 'IN_TURN',
}
export enum VoteValue {
  BETTER = 'BETTER',
  TIE = 'TIE',
  WORSE = 'WORSE',
}
export enum ReportFormat {
  MARKDOWN = 'MARKDOWN',
  CSV = 'CSV',
  JSON = 'JSON',
  HTML = 'HTML',
}
registerEnumType(ReportFormat, {
  name: 'ReportFormat',
  description:
    'MARKDOWN for a pull request; CSV, a row a lane; JSON as docs/report.schema.json; HTML, one page that needs nothing else.',
});
registerEnumType(LaneSchedule, {
  name: 'LaneSchedule',
  description:
    'AUTO: together where all lanes fit at once and no two compute on one device, else in turn, in the order of the lanes. TOGETHER is refused with NO_PLAN_FITS where they do not fit at once.',
});
registerEnumType(VoteValue, {
  name: 'VoteValue',
  description: "A lane's answer against lane 0's; lane 0's against all others'.",
});

@InputType({ description: 'A place to run the prompt. What is left out, the planner chooses.' })
export class LaneInput extends PlacementInput {
  @Field(() => String, { nullable: true, description: 'What people call it; else what was asked for.' })
  label?: string | null;
}

@InputType({ description: 'One prompt and the places to run it. All lanes draw with the same seed.' })
export class CompareInput {
  @Field(() => PromptInput)
  prompt!: PromptInput;

  @Field(() => [LaneInput], { description: '2 to 8 lanes, each a place to run the same prompt.' })
  lanes!: LaneInput[];

  @Field(() => SamplingInput, { nullable: true })
  sampling?: SamplingInput | null;

  @Field(() => Int, { nullable: true })
  maxTokens?: number | null;

  @Field(() => LaneSchedule, {
    nullable: true,
    defaultValue: LaneSchedule.AUTO,
    description:
      'TOGETHER only where all lanes fit at once; AUTO decides by memory, so that lanes do not skew each other.',
  })
  schedule?: LaneSchedule | null;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: false,
    description:
      'Shuffle the lanes, and tell which is which, where it ran and how fast only once all of them are voted on.',
  })
  blind?: boolean | null;

  @Field(() => DisconnectPolicy, { nullable: true, defaultValue: DisconnectPolicy.CANCEL })
  onDisconnect?: DisconnectPolicy | null;
}

import { Field, Float, ID, ObjectType, registerEnumType } from 'type-graphql';
import { GenerationError } from '../generation/types.ts';
import { DateTime, SafeInt } from '../scalars.ts';

export enum PullState {
  QUEUED = 'QUEUED',
  DOWNLOADING = 'DOWNLOADING',
  VERIFYING = 'VERIFYING',
  COMPLETED = 'COMPLETED',
  FAILED = 'FAILED',
  CANCELLED = 'CANCELLED',
}
registerEnumType(PullState, {
  name: 'PullState',
  description:
    'Where a pull is. What failed keeps what it fetched; starting the same source again goes on with it.',
});

@ObjectType({ description: 'One file of a pull. Bytes.' })
export class PulledFile {
  @Field(() => String)
  name!: string;

  @Field(() => SafeInt, { nullable: true, description: 'Null until the source has told.' })
  sizeBytes!: number | null;

  @Field(() => SafeInt)
  receivedBytes!: number;
}

@ObjectType({ description: 'Weights on their way to this machine.' })
export class ModelPull {
  @Field(() => ID, { description: 'The same for the same source.' })
  id!: string;

  @Field(() => String, { description: 'As it was asked for, in its shortest form.' })
  source!: string;

  @Field(() => PullState)
  state!: PullState;

  @Field(() => SafeInt, { description: 'What is here, what was here before included.' })
  receivedBytes!: number;

  @Field(() => SafeInt, { nullable: true, description: 'Null until the source has told.' })
  totalBytes!: number | null;

  @Field(() => SafeInt, { description: 'Of `totalBytes`, read again and hashed, in state VERIFYING.' })
  verifiedBytes!: number;

  @Field(() => Float, {
    nullable: true,
    description: 'Over the last five seconds; null while nothing is received.',
  })
  bytesPerSecond!: number | null;

  @Field(() => Float, { nullable: true, description: 'At that rate; null where it is not known.' })
  secondsLeft!: number | null;

  @Field(() => GenerationError, { nullable: true, description: 'Set in state FAILED.' })
  error!: GenerationError | null;

  @Field(() => [PulledFile], { description: 'Empty until it is known which they are.' })
  files!: PulledFile[];

  @Field(() => [String], {
    description: 'Why these quantizations, where there was a choice: a sentence each.',
  })
  reasons!: string[];

  @Field(() => DateTime)
  createdAt!: Date;

  @Field(() => DateTime, { nullable: true })
  finishedAt!: Date | null;
}

@ObjectType({ description: 'Disk space of the folder that pulls go to. Bytes.' })
export class DiskUse {
  @Field(() => SafeInt, { description: 'What is in it, parts of unfinished pulls included.' })
  usedBytes!: number;

  @Field(() => SafeInt, { description: 'What its disk has left.' })
  freeBytes!: number;

  @Field(() => SafeInt, { nullable: true, description: 'What the configuration allows it; null: no budget.' })
  budgetBytes!: number | null;
}

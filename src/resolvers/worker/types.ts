import { Field, ID, ObjectType } from 'type-graphql';
import { Json } from '../scalars.ts';

@ObjectType({
  description:
    'What a browser that lends itself is asked to do. Frames are those of src/protocol/PROTOCOL.md, each with its number.',
})
export class WorkerCommands {
  @Field(() => ID, {
    description:
      'What it reports as, and comes back as after its socket was lost. A secret: whoever has it is that browser.',
  })
  worker!: string;

  @Field(() => Json, {
    description:
      '`[{ sequence, command }]`; empty in the first event, and now and then: to be answered with a report.',
  })
  commands!: unknown;
}

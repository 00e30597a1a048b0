import { Field, ID, ObjectType } from 'type-graphql';
import { Json } from '../scalars.ts';

@ObjectType({
  description:
    'What a browser that lends its GPU is asked to do. Frames are those of src/protocol/PROTOCOL.md, each with its number.',
})
export class WorkerCommands {
  @Field(() => ID, {
    description: 'The id under which it reports, and comes back after its socket was lost.',
  })
  worker!: string;

  @Field(() => Json, { description: '`[{ sequence, command }]`; empty in the first event.' })
  commands!: unknown;
}

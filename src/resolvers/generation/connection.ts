import { Field, ObjectType } from 'type-graphql';
import { Generation } from './types.ts';

@ObjectType({ description: 'Where a page ends.' })
export class PageInfo {
  @Field(() => Boolean)
  hasNextPage!: boolean;

  @Field(() => String, {
    nullable: true,
    description: 'Give it as `after` for the next page; null for an empty one.',
  })
  endCursor!: string | null;
}

@ObjectType({ description: 'A generation and its place in the list.' })
export class GenerationEdge {
  @Field(() => String)
  cursor!: string;

  @Field(() => Generation)
  node!: Generation;
}

@ObjectType({ description: 'A page of generations.' })
export class GenerationConnection {
  @Field(() => [GenerationEdge])
  edges!: GenerationEdge[];

  @Field(() => PageInfo)
  pageInfo!: PageInfo;
}

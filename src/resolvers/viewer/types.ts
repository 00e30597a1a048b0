import { Field, ObjectType, registerEnumType } from 'type-graphql';
import { DateTime } from '../scalars.ts';

export enum Role {
  VIEWER = 'VIEWER',
  USER = 'USER',
  ADMIN = 'ADMIN',
  WORKER = 'WORKER',
}
registerEnumType(Role, {
  name: 'Role',
  description:
    'What a caller may do: VIEWER looks, USER also generates, compares, evaluates and votes, ADMIN also manages models and history. WORKER lends a browser, no more.',
});

@ObjectType({ description: 'Who asks.' })
export class Viewer {
  @Field(() => String, {
    nullable: true,
    description: 'Of the API key, or of whom the token names; null where it has not shown who it is.',
  })
  name!: string | null;

  @Field(() => Role, {
    nullable: true,
    description: 'Null where a key or a token is needed, and none was shown.',
  })
  role!: Role | null;

  @Field(() => Boolean, {
    description:
      'False where it has shown nothing; a gateway that asks nobody who he is lets it do everything.',
  })
  isAuthenticated!: boolean;

  @Field(() => DateTime, {
    nullable: true,
    description: 'From when on what it has shown does not count any more; null: never.',
  })
  expiresAt!: Date | null;
}

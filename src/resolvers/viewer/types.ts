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

@ObjectType({
  description: 'An OpenID Connect provider and its public client, for the code flow with PKCE.',
})
class IdentityProvider {
  @Field(() => String, { description: 'Its discovery document is below this address.' })
  issuer!: string;

  @Field(() => String)
  clientId!: string;

  @Field(() => String, { description: 'That access tokens must be for.' })
  audience!: string;
}

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

  @Field(() => IdentityProvider, {
    nullable: true,
    description: 'Where people sign in by themselves, whoever asks; null: they bring a key or a token.',
  })
  identityProvider!: IdentityProvider | null;
}

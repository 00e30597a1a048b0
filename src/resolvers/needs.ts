import type { GraphQLField, GraphQLFieldResolver, GraphQLSchema } from 'graphql';
import { Extensions } from 'type-graphql';
import { checkRole, type Need } from '../access/role.ts';
import type { RequestContext } from './services.ts';

/** The least role for a root field. Every root field has one: the schema is not made where one is missing. */
export const Needs = (need: Need): MethodDecorator => Extensions({ need });

type Field = GraphQLField<unknown, RequestContext>;
type Resolve = GraphQLFieldResolver<unknown, RequestContext>;

/**
 * Holds every root field to its role, whatever transport executes it: type-graphql's own guard leaves `subscribe` out.
 * @throws where a root field says nothing of roles
 */
export function guardRoots(schema: GraphQLSchema): void {
  for (const type of [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()])
    for (const field of Object.values(type?.getFields() ?? {}) as Field[])
      guard(`${type!.name}.${field.name}`, field);
}

function guard(name: string, field: Field): void {
  const need = field.extensions['need'] as Need | undefined;
  if (need === undefined) throw new Error(`${name} does not say what role it needs: add @Needs(…).`);
  const { resolve, subscribe } = field;
  const guarded =
    (inner: Resolve): Resolve =>
    (source, args, context, info) => {
      checkRole(context.caller, need, name);
      return inner(source, args, context, info);
    };
  if (resolve !== undefined) field.resolve = guarded(resolve);
  if (subscribe !== undefined) field.subscribe = guarded(subscribe);
  if (need !== 'ANYONE') field.description = [field.description, `Role: ${need}.`].filter(Boolean).join(' ');
}

import { Ctx, Query, Resolver } from 'type-graphql';
import { Needs } from '../needs.ts';
import type { RequestContext } from '../services.ts';
import { Role, Viewer } from './types.ts';

@Resolver()
export class ViewerResolver {
  @Needs('ANYONE')
  @Query(() => Viewer, { description: 'Who asks, and what it may do. Answered to everyone.' })
  viewer(@Ctx() { caller, identityProvider }: RequestContext): Viewer {
    const { name, role, expiresAt } = caller;
    return { name, role: role && Role[role], isAuthenticated: name !== null, expiresAt, identityProvider };
  }
}

import { Arg, Ctx, FieldResolver, ID, Query, Resolver, Root } from 'type-graphql';
import { parseRequest, planRequestSchema } from '../../generation/request.ts';
import { planFor } from '../../generation/plan-source.ts';
import type { KnownVariant } from '../../models/catalog.ts';
import type { Plan as PlanFacts, PlanResult as PlanResultFacts } from '../../routing/plan.ts';
import { Variant } from '../model/types.ts';
import type { Services } from '../services.ts';
import { Plan, PlanInput, PlanResult } from './types.ts';

@Resolver(() => Plan)
export class PlanResolver {
  @Query(() => PlanResult, { description: 'Dry run: what would be chosen and why. Loads nothing.' })
  plan(@Arg('input', () => PlanInput) input: PlanInput, @Ctx() services: Services): Promise<PlanResultFacts> {
    return planFor(parseRequest(planRequestSchema, input), services);
  }

  @FieldResolver(() => Variant)
  variant(@Root() { variantId }: PlanFacts, @Ctx() { catalog }: Services): KnownVariant {
    return catalog.known(variantId);
  }

  @FieldResolver(() => ID, { description: 'Id of the backend that would run it.' })
  backend(@Root() { backendId }: PlanFacts): string {
    return backendId;
  }
}

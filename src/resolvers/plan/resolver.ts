import { Arg, Ctx, FieldResolver, ID, Query, Resolver, Root } from 'type-graphql';
import { parseRequest, planRequestSchema } from '../../generation/request.ts';
import { planFor } from '../../generation/plan-source.ts';
import type { KnownVariant } from '../../models/catalog.ts';
import { isSource } from '../../models/pull/source.ts';
import type { Plan as PlanFacts, PlanResult as PlanResultFacts } from '../../routing/plan.ts';
import { Variant } from '../model/types.ts';
import { Needs } from '../needs.ts';
import type { RequestContext } from '../services.ts';
import { checkMayInspect } from '../sources.ts';
import { Plan, PlanInput, PlanResult } from './types.ts';

@Resolver(() => Plan)
export class PlanResolver {
  @Needs('VIEWER')
  @Query(() => PlanResult, { description: 'Dry run: what would be chosen and why. Loads nothing.' })
  plan(
    @Arg('input', () => PlanInput) input: PlanInput,
    @Ctx() context: RequestContext,
  ): Promise<PlanResultFacts> {
    // As inspectSource, which it is then.
    if (isSource(input.model)) checkMayInspect(input.model, context);
    return planFor(parseRequest(planRequestSchema, input), context);
  }

  @FieldResolver(() => Variant)
  variant(@Root() { variantId }: PlanFacts, @Ctx() { catalog }: RequestContext): KnownVariant {
    return catalog.known(variantId);
  }

  @FieldResolver(() => ID, { description: 'Id of the backend that would run it.' })
  backend(@Root() { backendId }: PlanFacts): string {
    return backendId;
  }
}

import { Ctx, FieldResolver, Query, Resolver } from 'type-graphql';
import type { RequestContext } from '../services.ts';
import { Needs } from '../needs.ts';
import { Limits, LimitsUse } from './types.ts';

const nullWhereNone = (limit: number): number | null => (limit === 0 || limit === Infinity ? null : limit);

@Resolver(() => Limits)
export class LimitsResolver {
  @Needs('USER')
  @Query(() => Limits, { description: 'What who asks may ask for, and what of it is used.' })
  limits(@Ctx() { generations, residency, rates }: RequestContext): Omit<Limits, 'used'> {
    const { maxPromptBytes, maxQueuedPerCaller } = generations.limits;
    return {
      maxPromptBytes: nullWhereNone(maxPromptBytes),
      maxRunning: nullWhereNone(residency.mostHeld),
      maxQueued: nullWhereNone(maxQueuedPerCaller),
      requestsPerMinute: nullWhereNone(rates.requests.perMinute),
      tokensPerMinute: nullWhereNone(rates.tokens.perMinute),
    };
  }

  @FieldResolver(() => LimitsUse)
  async used(@Ctx() { generations, residency, rates, caller }: RequestContext): Promise<LimitsUse> {
    return {
      running: residency.heldBy(caller.id),
      queued: generations.queuedBy(caller.id),
      requests: await rates.requests.used(caller.id),
      tokens: await rates.tokens.used(caller.id),
    };
  }
}

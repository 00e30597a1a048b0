import { Arg, Args, ArgsType, Ctx, Field, FieldResolver, ID, Int } from 'type-graphql';
import { Mutation, Query, Resolver, Root, Subscription } from 'type-graphql';
import { MixgateError } from '../../errors.ts';
import { abortFirst } from '../../generation/abort-first.ts';
import type { GenerationEvent as GenerationEventFacts } from '../../generation/events.ts';
import type { Generation as GenerationFacts } from '../../generation/generation.ts';
import { generationRequest } from '../../generation/request.ts';
import type { Plan as PlanFacts } from '../../routing/plan.ts';
import { Plan } from '../plan/types.ts';
import type { RequestContext, Services } from '../services.ts';
import { GenerationConnection } from './connection.ts';
import { GenerationEvent, PlanChosen } from './events.ts';
import { GenerateInput, Generation } from './types.ts';

const MAX_PAGE = 200;

@ArgsType()
class PageArgs {
  @Field(() => Int, { nullable: true, defaultValue: 20 })
  first?: number | null;

  @Field(() => String, { nullable: true })
  after?: string | null;
}

interface SubscribeTo<Arguments> {
  readonly args: Arguments;
  readonly context: RequestContext;
}

@Resolver(() => Generation)
export class GenerationResolver {
  @Query(() => Generation, {
    nullable: true,
    description: 'Null when there is none under this id, or not any more.',
  })
  generation(@Arg('id', () => ID) id: string, @Ctx() { generations }: Services): GenerationFacts | null {
    return generations.find(id);
  }

  @Query(() => GenerationConnection, { description: 'Newest first; at most 200 a page.' })
  generations(
    @Args(() => PageArgs) { first, after }: PageArgs,
    @Ctx() { generations }: Services,
  ): GenerationConnection {
    const size = first ?? 20;
    if (size < 1 || size > MAX_PAGE)
      throw new MixgateError('INVALID_INPUT', `first: must be 1 to ${MAX_PAGE}.`);
    const { page, hasNextPage } = generations.list(size, after ?? null);
    const edges = page.map((node) => ({ cursor: node.id, node: node as unknown as Generation }));
    return { edges, pageInfo: { hasNextPage, endCursor: edges.at(-1)?.cursor ?? null } };
  }

  @Mutation(() => Generation, {
    description: 'Start and return at once; follow it with Subscription.generationEvents.',
  })
  startGeneration(
    @Arg('input', () => GenerateInput) input: GenerateInput,
    @Ctx() { generations, settings, callerId }: RequestContext,
  ): GenerationFacts {
    return generations.start(generationRequest(input, settings.sampling), callerId);
  }

  @Mutation(() => Generation, { description: 'Cancel, and return when it has ended.' })
  cancelGeneration(
    @Arg('id', () => ID) id: string,
    @Ctx() { generations }: Services,
  ): Promise<GenerationFacts> {
    return generations.cancel(id);
  }

  @Subscription(() => GenerationEvent, {
    description: 'Start a generation and stream it.',
    subscribe: ({ args, context }: SubscribeTo<{ input: GenerateInput }>) => {
      const { generations, settings, callerId } = context;
      const { log } = generations.start(generationRequest(args.input, settings.sampling), callerId);
      return abortFirst((signal) => log.read(0, signal));
    },
  })
  generate(
    @Arg('input', () => GenerateInput) _input: GenerateInput,
    @Root() event: GenerationEventFacts,
  ): GenerationEventFacts {
    return event;
  }

  @Subscription(() => GenerationEvent, {
    description: 'Follow or resume: every event after sequence `after`, in order, exactly once, then live.',
    subscribe: ({ args, context: { generations } }: SubscribeTo<{ id: string; after: number | null }>) => {
      const { log } = generations.get(args.id);
      return abortFirst((signal) => log.read(cursorIn(log, args.after ?? 0), signal));
    },
  })
  generationEvents(
    @Arg('id', () => ID) _id: string,
    @Arg('after', () => Int, { nullable: true, defaultValue: 0 }) _after: number | null,
    @Root() event: GenerationEventFacts,
  ): GenerationEventFacts {
    return event;
  }

  @FieldResolver(() => Plan, { nullable: true, description: 'Null until it is chosen.' })
  plan(@Root() { plan }: GenerationFacts): PlanFacts | null {
    return plan;
  }
}

/** @throws INVALID_INPUT for a cursor that was never given out */
function cursorIn({ lastSequence }: { readonly lastSequence: number }, after: number): number {
  if (after >= 0 && after <= lastSequence) return after;
  throw new MixgateError('INVALID_INPUT', `after: must be 0 to ${lastSequence}, the newest sequence number.`);
}

@Resolver(() => PlanChosen)
export class PlanChosenResolver {
  @FieldResolver(() => Plan)
  plan(@Root() { plan }: Extract<GenerationEventFacts, { type: 'PlanChosen' }>): PlanFacts {
    return plan;
  }
}

import { Arg, Args, Ctx, FieldResolver, ID, Int } from 'type-graphql';
import { Mutation, Query, Resolver, Root, Subscription } from 'type-graphql';
import { MixgateError } from '../../errors.ts';
import { abortFirst } from '../../generation/abort-first.ts';
import { CONCEALED } from '../../generation/comparison/comparison.ts';
import type {
  GenerationError as GenerationErrorFacts,
  GenerationEvent as GenerationEventFacts,
  Timings as TimingsFacts,
} from '../../generation/events.ts';
import type { Generation as GenerationFacts } from '../../generation/generation.ts';
import { generationRequest, type GenerationRequest } from '../../generation/request.ts';
import type { Plan as PlanFacts } from '../../routing/plan.ts';
import { Plan } from '../plan/types.ts';
import { DateTime } from '../scalars.ts';
import { generationFilter, GenerationsArgs } from '../history/filters.ts';
import { cursorIn, pageOf } from '../page.ts';
import type { RequestContext, Services } from '../services.ts';
import { GenerationConnection } from './connection.ts';
import { GenerationEvent, PlanChosen } from './events.ts';
import { GenerateInput } from './inputs.ts';
import { promptOf } from './prompt.ts';
import { Generation, GenerationError, GenerationSettings, Prompt, Timings } from './types.ts';

const BLIND = 'It is part of a blind comparison: follow that with comparisonEvents until it is voted on.';

interface SubscribeTo<Arguments> {
  readonly args: Arguments;
  readonly context: RequestContext;
}

@Resolver(() => Generation)
export class GenerationResolver {
  @Query(() => Generation, {
    nullable: true,
    description: 'Null when there is none under this id, or it is not kept any more.',
  })
  generation(
    @Arg('id', () => ID) id: string,
    @Ctx() { generations }: Services,
  ): Promise<GenerationFacts | null> {
    return generations.find(id);
  }

  @Query(() => GenerationConnection, {
    description: 'Newest first, those that run and those that are kept; at most 200 a page.',
  })
  generations(
    @Args(() => GenerationsArgs) { filter, ...page }: GenerationsArgs,
    @Ctx() { generations }: Services,
  ): Promise<object> {
    return pageOf(page, generationFilter(filter ?? {}), (query) => generations.list(query));
  }

  @Mutation(() => Generation, {
    description: 'Start and return at once; follow it with Subscription.generationEvents.',
  })
  startGeneration(
    @Arg('input', () => GenerateInput) input: GenerateInput,
    @Ctx() { generations, settings, caller, requestId, trace }: RequestContext,
  ): GenerationFacts {
    const request = generationRequest(input, settings.sampling);
    return generations.start(request, caller.id, { requestId, trace });
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
      const { generations, settings, caller, requestId, trace } = context;
      const request = generationRequest(args.input, settings.sampling);
      const { log } = generations.start(request, caller.id, { requestId, trace });
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
    subscribe: async ({
      args,
      context: { generations },
    }: SubscribeTo<{ id: string; after: number | null }>) => {
      const { log, isConcealed } = await generations.get(args.id);
      if (isConcealed) throw new MixgateError('FORBIDDEN', BLIND);
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

  @FieldResolver(() => Prompt)
  prompt(@Root() { request }: GenerationFacts): Prompt {
    return promptOf(request);
  }

  @FieldResolver(() => GenerationSettings, {
    nullable: true,
    description: 'What was asked for; null while a blind comparison is not voted on.',
  })
  settings(@Root() { request, isConcealed }: GenerationFacts): GenerationRequest | null {
    return isConcealed ? null : request;
  }

  @FieldResolver(() => Plan, {
    nullable: true,
    description: 'Null until it is chosen, and while a blind comparison is not voted on.',
  })
  plan(@Root() { plan, isConcealed }: GenerationFacts): PlanFacts | null {
    return isConcealed ? null : plan;
  }

  @FieldResolver(() => DateTime, { nullable: true })
  finishedAt(@Root() { finishedAt, isConcealed }: GenerationFacts): Date | null {
    return isConcealed ? null : finishedAt;
  }

  @FieldResolver(() => Timings, { nullable: true })
  timings(@Root() { timings, isConcealed }: GenerationFacts): TimingsFacts | null {
    return isConcealed ? null : timings;
  }

  @FieldResolver(() => GenerationError, { nullable: true })
  error(@Root() { error, isConcealed }: GenerationFacts): GenerationErrorFacts | null {
    return error !== null && isConcealed ? { ...error, message: CONCEALED } : error;
  }
}

@Resolver(() => PlanChosen)
export class PlanChosenResolver {
  @FieldResolver(() => Plan)
  plan(@Root() { plan }: Extract<GenerationEventFacts, { type: 'PlanChosen' }>): PlanFacts {
    return plan;
  }
}

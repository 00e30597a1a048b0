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
import { Needs } from '../needs.ts';
import { DateTime } from '../scalars.ts';
import { generationFilter, GenerationsArgs } from '../history/filters.ts';
import { MinIntervalArg, minIntervalOf, type Interval } from '../min-interval.ts';
import { cursorIn, pageOf } from '../page.ts';
import type { RequestContext } from '../services.ts';
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

async function start(
  input: GenerateInput,
  { generations, settings, rates, caller, requestId, trace }: RequestContext,
): Promise<GenerationFacts> {
  const request = generationRequest(input, settings.sampling);
  await rates.tokens.check(caller.id);
  return generations.start(request, caller.id, { requestId, trace });
}

@Resolver(() => Generation)
export class GenerationResolver {
  @Needs('USER')
  @Query(() => Generation, {
    nullable: true,
    description: 'Null when there is none under this id, or it is not kept any more.',
  })
  generation(
    @Arg('id', () => ID) id: string,
    @Ctx() { generations, caller }: RequestContext,
  ): Promise<GenerationFacts | null> {
    return generations.find(id, caller);
  }

  @Needs('USER')
  @Query(() => GenerationConnection, {
    description: 'Newest first, those that run and those that are kept; at most 200 a page.',
  })
  generations(
    @Args(() => GenerationsArgs) { filter, ...page }: GenerationsArgs,
    @Ctx() { generations, caller }: RequestContext,
  ): Promise<object> {
    return pageOf(page, generationFilter(filter ?? {}, caller), (query) => generations.list(query));
  }

  @Needs('USER')
  @Mutation(() => Generation, {
    description: 'Start and return at once; follow it with Subscription.generationEvents.',
  })
  startGeneration(
    @Arg('input', () => GenerateInput) input: GenerateInput,
    @Ctx() context: RequestContext,
  ): Promise<GenerationFacts> {
    return start(input, context);
  }

  @Needs('USER')
  @Mutation(() => Generation, { description: 'Cancel, and return when it has ended.' })
  cancelGeneration(
    @Arg('id', () => ID) id: string,
    @Ctx() { generations, caller }: RequestContext,
  ): Promise<GenerationFacts> {
    return generations.cancel(id, caller);
  }

  @Needs('USER')
  @Subscription(() => GenerationEvent, {
    description: 'Start a generation and stream it.',
    subscribe: async ({ args, context }: SubscribeTo<{ input: GenerateInput } & Interval>) => {
      const minIntervalMs = minIntervalOf(args);
      const { log } = await start(args.input, context);
      return abortFirst((signal) => log.read(0, signal, minIntervalMs));
    },
  })
  generate(
    @Arg('input', () => GenerateInput) _input: GenerateInput,
    @MinIntervalArg() _minIntervalMs: number | null,
    @Root() event: GenerationEventFacts,
  ): GenerationEventFacts {
    return event;
  }

  @Needs('USER')
  @Subscription(() => GenerationEvent, {
    description: 'Follow or resume: every event after sequence `after`, in order, exactly once, then live.',
    subscribe: async ({
      args,
      context: { generations, caller },
    }: SubscribeTo<{ id: string; after: number | null } & Interval>) => {
      const minIntervalMs = minIntervalOf(args);
      const { log, isConcealed } = await generations.get(args.id, caller);
      if (isConcealed) throw new MixgateError('FORBIDDEN', BLIND);
      return abortFirst((signal) => log.read(cursorIn(log, args.after ?? 0), signal, minIntervalMs));
    },
  })
  generationEvents(
    @Arg('id', () => ID) _id: string,
    @Arg('after', () => Int, { nullable: true, defaultValue: 0 }) _after: number | null,
    @MinIntervalArg() _minIntervalMs: number | null,
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

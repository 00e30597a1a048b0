import { Arg, Args, Ctx, FieldResolver, Float, ID, Int } from 'type-graphql';
import { Mutation, Query, Resolver, Root, Subscription } from 'type-graphql';
import { abortFirst } from '../../generation/abort-first.ts';
import { reportOf } from '../../generation/bench/builder.ts';
import type { DivergenceCandidates } from '../../generation/comparison/candidates.ts';
import type {
  Comparison as ComparisonFacts,
  ComparisonLane,
} from '../../generation/comparison/comparison.ts';
import type { ComparisonEvent as EventFacts } from '../../generation/comparison/comparison-log.ts';
import { comparisonRequest } from '../../generation/comparison/comparison-request.ts';
import type { Divergence as DivergenceFacts } from '../../generation/comparison/divergence.ts';
import type { ScheduleDecision as DecisionFacts } from '../../generation/comparison/schedule.ts';
import type { WinRate as WinRateFacts } from '../../generation/comparison/votes.ts';
import type { LanguageReport as LanguageFacts } from '../../language/report.ts';
import { LanguageReport } from '../language/types.ts';
import { comparisonFilter, ComparisonsArgs } from '../history/filters.ts';
import { Needs } from '../needs.ts';
import { MinIntervalArg, minIntervalOf, type Interval } from '../min-interval.ts';
import { cursorIn, pageOf } from '../page.ts';
import { SafeInt } from '../scalars.ts';
import type { RequestContext, Services } from '../services.ts';
import { CompareInput, LaneSchedule, ReportFormat, VoteValue } from './inputs.ts';
import { Comparison, ComparisonConnection, ComparisonEvent, Divergence } from './types.ts';
import { Lane, ScheduleDecision, WinRate } from './types.ts';
import { promptOf } from '../generation/prompt.ts';
import { Prompt } from '../generation/types.ts';

interface SubscribeTo<Arguments> {
  readonly args: Arguments;
  readonly context: RequestContext;
}

/** An event as it is sent, and what it is an event of. */
type SentEvent = EventFacts & { readonly of: ComparisonFacts };

/** No generator: one that was left before its first event would not tell the log. */
function sent(
  of: ComparisonFacts,
  ...[after, signal, minIntervalMs]: Parameters<ComparisonFacts['log']['read']>
): AsyncIterableIterator<SentEvent> {
  const events = of.log.read(after, signal, minIntervalMs);
  return {
    async next() {
      const result = await events.next();
      return result.done === true
        ? { done: true, value: undefined }
        : { done: false, value: { ...result.value, of } };
    },
    async return() {
      await events.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

async function start(
  input: CompareInput,
  { comparisons, settings, rates, caller, requestId, trace }: RequestContext,
): Promise<ComparisonFacts> {
  const request = comparisonRequest(input, settings.sampling);
  await rates.tokens.check(caller.id);
  return comparisons.start(request, caller.id, { requestId, trace });
}

/** Nothing of it tells which lane is which before it may be told. */
const decisionOf = ({ schedule, isRevealed }: ComparisonFacts): DecisionFacts =>
  isRevealed ? schedule : { ...schedule, reasons: [] };

@Resolver(() => Comparison)
export class ComparisonResolver {
  @Needs('USER')
  @Query(() => Comparison, {
    nullable: true,
    description: 'Null when there is none under this id, or it is not kept any more.',
  })
  comparison(
    @Arg('id', () => ID) id: string,
    @Ctx() { comparisons, caller }: RequestContext,
  ): Promise<ComparisonFacts | null> {
    return comparisons.find(id, caller);
  }

  @Needs('USER')
  @Query(() => ComparisonConnection, {
    description: 'Newest first, those that run and those that are kept; at most 200 a page.',
  })
  comparisons(
    @Args(() => ComparisonsArgs) { filter, ...page }: ComparisonsArgs,
    @Ctx() { comparisons, caller }: RequestContext,
  ): Promise<object> {
    return pageOf(page, comparisonFilter(filter ?? {}, caller), (query) => comparisons.list(query));
  }

  @Needs('VIEWER')
  @Query(() => [WinRate], {
    description: 'Per variant, best first: what votes say, over all comparisons kept.',
  })
  winRates(@Ctx() { comparisons }: Services): Promise<readonly WinRateFacts[]> {
    return comparisons.winRates();
  }

  @Needs('USER')
  @Mutation(() => Comparison, {
    description: 'Start and return at once; follow it with Subscription.comparisonEvents.',
  })
  startComparison(
    @Arg('input', () => CompareInput) input: CompareInput,
    @Ctx() context: RequestContext,
  ): Promise<ComparisonFacts> {
    return start(input, context);
  }

  @Needs('USER')
  @Mutation(() => Comparison, {
    description:
      'Start the same lanes with the same prompt and seed once more. Blind stays blind until it is voted on. It goes on when nobody follows it.',
  })
  async rerunComparison(
    @Arg('id', () => ID) id: string,
    @Arg('schedule', () => LaneSchedule, { nullable: true, defaultValue: LaneSchedule.AUTO })
    schedule: LaneSchedule | null,
    @Ctx() { comparisons, rates, caller }: RequestContext,
  ): Promise<ComparisonFacts> {
    await rates.tokens.check(caller.id);
    return comparisons.rerun(id, schedule ?? LaneSchedule.AUTO, caller);
  }

  @Needs('USER')
  @Mutation(() => Comparison, {
    description: 'Cancel every lane, and return when all have ended. One lane: cancelGeneration.',
  })
  cancelComparison(
    @Arg('id', () => ID) id: string,
    @Ctx() { comparisons, caller }: RequestContext,
  ): Promise<ComparisonFacts> {
    return comparisons.cancel(id, caller);
  }

  @Needs('USER')
  @Mutation(() => Comparison, { description: 'Say what an answer is worth, once all of them are there.' })
  vote(
    @Arg('comparison', () => ID) id: string,
    @Arg('lane', () => Int) lane: number,
    @Arg('value', () => VoteValue) value: VoteValue,
    @Arg('comment', () => String, { nullable: true }) comment: string | null,
    @Ctx() { comparisons, caller }: RequestContext,
  ): Promise<ComparisonFacts> {
    return comparisons.vote(id, { lane, value, comment: comment ?? null }, caller);
  }

  @Needs('USER')
  @Subscription(() => ComparisonEvent, {
    description: 'Run one prompt in several places and stream all of them.',
    subscribe: async ({ args, context }: SubscribeTo<{ input: CompareInput } & Interval>) => {
      const minIntervalMs = minIntervalOf(args);
      const comparison = await start(args.input, context);
      return abortFirst((signal) => sent(comparison, 0, signal, minIntervalMs));
    },
  })
  compare(
    @Arg('input', () => CompareInput) _input: CompareInput,
    @MinIntervalArg() _minIntervalMs: number | null,
    @Root() event: SentEvent,
  ): SentEvent {
    return event;
  }

  @Needs('USER')
  @Subscription(() => ComparisonEvent, {
    description: 'Follow or resume a comparison: every event after sequence `after`, in order, exactly once.',
    subscribe: async ({
      args,
      context: { comparisons, caller },
    }: SubscribeTo<{ id: string; after: number | null } & Interval>) => {
      const minIntervalMs = minIntervalOf(args);
      const comparison = await comparisons.get(args.id, caller);
      const after = cursorIn(comparison.log, args.after ?? 0);
      return abortFirst((signal) => sent(comparison, after, signal, minIntervalMs));
    },
  })
  comparisonEvents(
    @Arg('id', () => ID) _id: string,
    @Arg('after', () => Int, { nullable: true, defaultValue: 0 }) _after: number | null,
    @MinIntervalArg() _minIntervalMs: number | null,
    @Root() event: SentEvent,
  ): SentEvent {
    return event;
  }

  @FieldResolver(() => Prompt, { description: 'What all lanes were given.' })
  prompt(@Root() { lanes }: ComparisonFacts): Prompt {
    return promptOf(lanes[0]!.generation.request);
  }

  @FieldResolver(() => [Lane])
  lanes(@Root() comparison: ComparisonFacts): LaneRoot[] {
    return comparison.lanes.map((lane, index) => ({ ...lane, index, comparison }));
  }

  @FieldResolver(() => ScheduleDecision, { description: 'How its lanes run, and why so.' })
  schedule(@Root() comparison: ComparisonFacts): DecisionFacts {
    return decisionOf(comparison);
  }

  @FieldResolver(() => String, {
    description:
      'What it came to, to keep or to show: INVALID_INPUT before it has finished, FORBIDDEN while it is blind and not voted on.',
  })
  async report(
    @Arg('format', () => ReportFormat) format: ReportFormat,
    @Root() comparison: ComparisonFacts,
    @Ctx() { machine, version }: Services,
  ): Promise<string> {
    const { head, runs } = reportOf(comparison, { machine, version, command: null });
    return (await renderer()).rendered(format, head, runs);
  }

  @FieldResolver(() => Int)
  lastSequence(@Root() { log }: ComparisonFacts): number {
    return log.lastSequence;
  }
}

/** What writes pages is not loaded before somebody wants one. tsc renames no import within a class with decorators. */
const renderer = () => import('../../report/render.ts');

interface LaneRoot extends ComparisonLane {
  readonly index: number;
  readonly comparison: ComparisonFacts;
}

interface DivergenceView extends DivergenceFacts {
  readonly candidates: DivergenceCandidates | null;
}

/** What tells which variant a lane ran is null until it may be told. */
@Resolver(() => Lane)
export class LaneResolver {
  @FieldResolver(() => String, { description: 'A letter while a blind comparison is not voted on.' })
  label(@Root() { label, index, comparison }: LaneRoot): string {
    return comparison.isRevealed ? label : String.fromCharCode(65 + index);
  }

  @FieldResolver(() => Int, {
    nullable: true,
    description: "Index into the input's lanes; null while a blind comparison is not voted on.",
  })
  inputIndex(@Root() { inputIndex, comparison }: LaneRoot): number | null {
    return comparison.isRevealed ? inputIndex : null;
  }

  @FieldResolver(() => SafeInt, {
    nullable: true,
    description:
      "Measured memory of the lane's model while it ran, bytes; null where the runtime cannot tell.",
  })
  memoryBytes(@Root() { generation, comparison }: LaneRoot): number | null {
    return comparison.isRevealed ? generation.measuredBytes : null;
  }

  @FieldResolver(() => Float, {
    nullable: true,
    description:
      'Joules per decoded token: of the whole GPU (nvidia-smi) or the processor packages (RAPL), idle power included. Null where the platform does not tell, and where the lane did not decode alone.',
  })
  energyPerTokenJoules(@Root() { index, comparison }: LaneRoot): number | null {
    return comparison.isRevealed ? comparison.energyPerToken(index) : null;
  }

  @FieldResolver(() => LanguageReport, {
    nullable: true,
    description: 'Null before the answer is whole.',
  })
  language(@Root() { generation }: LaneRoot): LanguageFacts | null {
    return generation.language;
  }

  @FieldResolver(() => Divergence, {
    nullable: true,
    description: 'Against lane 0; null for lane 0 itself, before both have ended, and where one failed.',
  })
  divergence(@Root() { index, comparison }: LaneRoot): DivergenceView | null {
    const divergence = comparison.divergence(index);
    const candidates = comparison.isRevealed ? comparison.candidates(index) : null;
    return divergence === null ? null : { ...divergence, candidates };
  }
}

@Resolver(() => ComparisonEvent)
export class ComparisonEventResolver {
  @FieldResolver(() => Comparison, { nullable: true })
  comparison(@Root() { lane, of }: SentEvent): ComparisonFacts | null {
    return lane === null ? of : null;
  }

  @FieldResolver(() => ScheduleDecision, { nullable: true })
  schedule(@Root() { firstSequence, of }: SentEvent): DecisionFacts | null {
    return firstSequence === 1 ? decisionOf(of) : null;
  }
}

import { Arg, Args, Ctx, FieldResolver, ID, Int, Mutation, Query, Resolver } from 'type-graphql';
import { clearHistory } from '../../generation/history/clear.ts';
import type { HistoryStatus as StatusFacts } from '../../generation/history/history.ts';
import type { HistoryUsage as UsageFacts } from '../../generation/history/history-store.ts';
import type { Evaluation as EvaluationFacts } from '../../generation/quality/evaluation.ts';
import { Needs } from '../needs.ts';
import { pageOf } from '../page.ts';
import { DateTime } from '../scalars.ts';
import type { RequestContext, Services } from '../services.ts';
import { evaluationFilter, EvaluationsArgs } from './filters.ts';
import { Evaluation, EvaluationConnection, HistoryStatus, HistoryUsage } from './types.ts';

@Resolver(() => HistoryStatus)
export class HistoryResolver {
  @Needs('VIEWER')
  @Query(() => HistoryStatus)
  history(@Ctx() { archive }: Services): StatusFacts {
    return archive.history.status();
  }

  @FieldResolver(() => HistoryUsage, { nullable: true, description: 'Null where history is off.' })
  usage(@Ctx() { archive }: Services): Promise<UsageFacts | null> {
    return archive.history.ask<UsageFacts | null>((store) => store.usage(), null);
  }

  @Needs('USER')
  @Query(() => Evaluation, { nullable: true, description: 'Null when there is none under this id.' })
  evaluation(
    @Arg('id', () => ID) id: string,
    @Ctx() { archive, caller }: RequestContext,
  ): Promise<EvaluationFacts | null> {
    return archive.evaluation(id, caller);
  }

  @Needs('USER')
  @Query(() => EvaluationConnection, { description: 'Those that ended, newest first; at most 200 a page.' })
  evaluations(
    @Args(() => EvaluationsArgs) { filter, ...page }: EvaluationsArgs,
    @Ctx() { archive, caller }: RequestContext,
  ): Promise<object> {
    return pageOf(page, evaluationFilter(filter ?? {}, caller), (query) => archive.evaluations(query));
  }

  @Needs('USER')
  @Mutation(() => Boolean, {
    description:
      'Delete a generation that has ended, from memory and history. False where there is none. A lane goes with its comparison.',
  })
  deleteGeneration(
    @Arg('id', () => ID) id: string,
    @Ctx() { generations, caller }: RequestContext,
  ): Promise<boolean> {
    return generations.remove(id, caller);
  }

  @Needs('USER')
  @Mutation(() => Boolean, {
    description: 'Delete a comparison that has ended, with its lanes and votes. False where there is none.',
  })
  deleteComparison(
    @Arg('id', () => ID) id: string,
    @Ctx() { comparisons, caller }: RequestContext,
  ): Promise<boolean> {
    return comparisons.remove(id, caller);
  }

  @Needs('USER')
  @Mutation(() => Boolean, { description: 'False where there is none.' })
  deleteEvaluation(
    @Arg('id', () => ID) id: string,
    @Ctx() { archive, caller }: RequestContext,
  ): Promise<boolean> {
    return archive.remove('evaluation', id, caller);
  }

  @Needs('ADMIN')
  @Mutation(() => Int, {
    description:
      'Delete everything that has ended and was created before; without `before`, everything. How many generations, comparisons and evaluations that were.',
  })
  clearHistory(
    @Arg('before', () => DateTime, { nullable: true }) before: Date | null,
    @Ctx() services: Services,
  ): Promise<number> {
    return clearHistory(before ?? null, services);
  }
}

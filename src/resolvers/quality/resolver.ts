import { Arg, Resolver, Root, Subscription } from 'type-graphql';
import { abortFirst } from '../../generation/abort-first.ts';
import type { QualityEvent as QualityEventFacts } from '../../generation/quality/evaluation.ts';
import { qualityRequest } from '../../generation/quality/request.ts';
import { Needs } from '../needs.ts';
import type { RequestContext } from '../services.ts';
import { EvaluateQualityInput, QualityEvent } from './types.ts';

interface SubscribeTo {
  readonly args: { readonly input: EvaluateQualityInput };
  readonly context: RequestContext;
}

@Resolver()
export class QualityResolver {
  @Needs('USER')
  @Subscription(() => QualityEvent, {
    description:
      'Perplexity, and divergence from a reference, of each quantization in turn. Leaving stops it.',
    subscribe: async ({ args, context: { evaluations, rates, caller } }: SubscribeTo) => {
      const request = qualityRequest(args.input);
      await rates.tokens.check(caller.id);
      return abortFirst(evaluations.start(request, caller.id));
    },
  })
  evaluateQuality(
    @Arg('input', () => EvaluateQualityInput) _input: EvaluateQualityInput,
    @Root() event: QualityEventFacts,
  ): QualityEventFacts {
    return event;
  }
}

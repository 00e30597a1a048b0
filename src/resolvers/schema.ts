import 'reflect-metadata';
import type { GraphQLInputObjectType, GraphQLSchema } from 'graphql';
import { buildSchema, Ctx, Query, Resolver, type PubSub } from 'type-graphql';
import {
  BackendResolver,
  DeviceResolver,
  ResidentModelResolver,
  CrashLoopResolver,
  WaitingRequestResolver,
} from './backend/resolver.ts';
import { ComparisonEventResolver, ComparisonResolver, LaneResolver } from './comparison/resolver.ts';
import { GENERATION_EVENTS } from './generation/events.ts';
import { GenerationResolver, PlanChosenResolver } from './generation/resolver.ts';
import { HistoryResolver } from './history/resolver.ts';
import { LimitsResolver } from './limits/resolver.ts';
import { ModelResolver, VariantResolver } from './model/resolver.ts';
import { guardRoots, Needs } from './needs.ts';
import { PlanResolver } from './plan/resolver.ts';
import { DiskResolver, ModelPullResolver } from './pull/resolver.ts';
import { QualityResolver } from './quality/resolver.ts';
import type { Services } from './services.ts';
import { ViewerResolver } from './viewer/resolver.ts';
import { WorkerResolver } from './worker/resolver.ts';

@Resolver()
class VersionResolver {
  @Needs('VIEWER')
  @Query(() => String, { description: 'Version of mixgate.' })
  version(@Ctx() { version }: Services): string {
    return version;
  }
}

/** Every source is an iterable of its own: nothing is ever published. */
const NO_PUBSUB: PubSub = {
  publish: () => undefined,
  subscribe: () => {
    throw new Error('No subscription of this schema uses a topic.');
  },
};

/** The executable schema; the same for every transport. */
export async function createSchema(): Promise<GraphQLSchema> {
  const schema = await buildSchema({
    resolvers: [
      BackendResolver,
      ComparisonEventResolver,
      ComparisonResolver,
      DiskResolver,
      DeviceResolver,
      GenerationResolver,
      HistoryResolver,
      LaneResolver,
      LimitsResolver,
      ModelPullResolver,
      ModelResolver,
      PlanChosenResolver,
      PlanResolver,
      QualityResolver,
      ResidentModelResolver,
      VariantResolver,
      VersionResolver,
      CrashLoopResolver,
      ViewerResolver,
      WaitingRequestResolver,
      WorkerResolver,
    ],
    orphanedTypes: GENERATION_EVENTS,
    pubSub: NO_PUBSUB,
    // Requests are checked where they are used, for the command line too: generation/request.ts.
    validate: false,
    // graphql-js looks at the schema itself before it runs the first document.
    skipCheck: true,
  });
  // type-graphql has no option for it.
  (schema.getType('PromptInput') as GraphQLInputObjectType).isOneOf = true;
  guardRoots(schema);
  return schema;
}

import { Arg, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root, Subscription } from 'type-graphql';
import { abortFirst } from '../../generation/abort-first.ts';
import { inspectSource } from '../../generation/plan-source.ts';
import { pullStatus } from '../../generation/model-status.ts';
import type { KnownVariant, ModelFacts } from '../../models/catalog.ts';
import type { PullView } from '../../models/pull/pull.ts';
import { Model, Variant } from '../model/types.ts';
import { Needs } from '../needs.ts';
import type { RequestContext, Services } from '../services.ts';
import { checkMayInspect } from '../sources.ts';
import { DiskUse, ModelPull } from './types.ts';

@Resolver(() => ModelPull)
export class ModelPullResolver {
  @Needs('VIEWER')
  @Query(() => [ModelPull], { description: 'Pulls under way and recently ended, newest first.' })
  modelPulls(@Ctx() { pulls }: Services): readonly PullView[] {
    return pulls.list();
  }

  @Needs('VIEWER')
  @Query(() => ModelPull, {
    nullable: true,
    description: 'Null when there is none under this id, or not any more.',
  })
  modelPull(@Arg('id', () => ID) id: string, @Ctx() { pulls }: Services): PullView | null {
    return pulls.list().find((pull) => pull.id === id) ?? null;
  }

  @Needs('USER')
  @Query(() => Model, {
    description:
      'What a source has, as one model, from its headers: nothing is downloaded. Sources as of startModelPull; `file:` for the role ADMIN.',
  })
  inspectSource(
    @Arg('source', () => String) source: string,
    @Ctx() context: RequestContext,
  ): Promise<ModelFacts<KnownVariant>> {
    checkMayInspect(source, context);
    return inspectSource(source, context.inspections);
  }

  @Needs('ADMIN')
  @Mutation(() => ModelPull, {
    description:
      '`hf:owner/repo[@revision][:QUANT]`, `https://…` or `file:…`. QUANT is a quantization, several with commas, `all`, or `best` (the default): what this machine runs best. Returns at once; follow it with Subscription.modelPullEvents.',
  })
  async startModelPull(
    @Arg('source', () => String) source: string,
    @Arg('sha256', () => String, { nullable: true, description: 'Of a single file, hexadecimal.' })
    sha256: string | null,
    @Ctx() { pulls }: Services,
  ): Promise<PullView> {
    return (await pulls.start(source, { sha256: sha256 ?? null })).view();
  }

  @Needs('ADMIN')
  @Mutation(() => ModelPull, {
    description: 'Cancel, throw away what was fetched, and return when that is done.',
  })
  cancelModelPull(@Arg('id', () => ID) id: string, @Ctx() { pulls }: Services): Promise<PullView> {
    return pulls.cancel(id);
  }

  @Needs('ADMIN')
  @Mutation(() => [ModelPull], {
    description:
      'Read a manifest (a file of this machine, or an https address), start the pulls it lists and set up its models. docs/manifest.schema.json says what it may hold.',
  })
  importManifest(
    @Arg('source', () => String) source: string,
    @Ctx() { manifests }: Services,
  ): Promise<readonly PullView[]> {
    return manifests.import(source);
  }

  @Needs('VIEWER')
  @Subscription(() => ModelPull, {
    description: "The pull's state now and on every change (at most 10 a second) until it ends.",
    subscribe: ({ args, context: { pulls } }: { args: { id: string }; context: RequestContext }) => {
      pulls.get(args.id);
      return abortFirst((signal) => pulls.events(args.id, signal));
    },
  })
  modelPullEvents(@Arg('id', () => ID) _id: string, @Root() view: PullView): PullView {
    return view;
  }

  @Needs('VIEWER')
  @Subscription(() => [ModelPull], {
    description: 'As Query.modelPulls: at once, and again on every change (at most 4 a second).',
    subscribe: ({ context: { pulls } }: { context: RequestContext }) =>
      abortFirst((signal) => pullStatus(pulls, signal)),
  })
  modelPullStatus(@Root() views: readonly PullView[]): readonly PullView[] {
    return views;
  }

  @FieldResolver(() => [Variant], { description: 'What it brings; empty until its headers are read.' })
  variants(@Root() { variantIds }: PullView, @Ctx() { catalog }: Services): readonly KnownVariant[] {
    return variantIds.flatMap((id) => catalog.findKnown(id) ?? []);
  }

  @FieldResolver(() => Model, { nullable: true, description: 'The model it became part of, once COMPLETED.' })
  model(
    @Root() { state, variantIds }: PullView,
    @Ctx() { catalog }: Services,
  ): ModelFacts<KnownVariant> | null {
    const [id] = variantIds.filter((each) => catalog.findKnown(each) !== null);
    return state === 'COMPLETED' && id !== undefined ? catalog.modelOf(id) : null;
  }
}

@Resolver()
export class DiskResolver {
  @Needs('VIEWER')
  @Query(() => DiskUse, { description: 'Disk space of the folder that pulls go to.' })
  diskUse(@Ctx() { pulls }: Services): Promise<DiskUse> {
    return pulls.diskUse();
  }
}

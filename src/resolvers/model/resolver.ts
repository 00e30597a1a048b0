import { Arg, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root, Subscription } from 'type-graphql';
import { abortFirst } from '../../generation/abort-first.ts';
import { modelStatus } from '../../generation/model-status.ts';
import { removeVariant } from '../../generation/remove-variant.ts';
import type { KnownVariant, ModelFacts } from '../../models/catalog.ts';
import { Needs } from '../needs.ts';
import { SafeInt } from '../scalars.ts';
import type { RequestContext, Services } from '../services.ts';
import { Model, ModelSettings, Variant, VariantAvailability } from './types.ts';

interface Places {
  readonly availability: readonly VariantAvailability[];
}

@Resolver(() => Model)
export class ModelResolver {
  @Needs('VIEWER')
  @Query(() => [Model], {
    description:
      'By id: the models on this machine; and where asked for, those that are elsewhere or on their way.',
  })
  models(
    @Arg('availability', () => [VariantAvailability], {
      defaultValue: [VariantAvailability.LOCAL],
      description:
        'Where variants may be. REMOTE are those of sources that were planned for or are in a manifest, PULLING those on their way.',
    })
    availability: readonly VariantAvailability[],
    @Ctx() { catalog }: Services,
  ): readonly ModelFacts<KnownVariant>[] {
    return catalog.modelsBy(availability);
  }

  @Needs('VIEWER')
  @Query(() => Model, { nullable: true, description: 'Null when there is none under this id.' })
  model(@Arg('id', () => ID) id: string, @Ctx() { catalog }: Services): ModelFacts | null {
    return catalog.models().find((model) => model.id === id) ?? null;
  }

  @Needs('VIEWER')
  @Subscription(() => [Model], {
    description:
      'As Query.models: at once, and again whenever a variant has come, gone or changed its place.',
    subscribe: ({ args, context: { catalog } }: { args: Places; context: RequestContext }) =>
      abortFirst((signal) => modelStatus(catalog, args.availability, signal)),
  })
  modelStatus(
    @Arg('availability', () => [VariantAvailability], { defaultValue: [VariantAvailability.LOCAL] })
    _availability: readonly VariantAvailability[],
    @Root() models: readonly ModelFacts<KnownVariant>[],
  ): readonly ModelFacts<KnownVariant>[] {
    return models;
  }

  @Needs('ADMIN')
  @Mutation(() => SafeInt, {
    description:
      'Delete the files of a variant. Bytes freed. IN_USE while it is loaded or in use, unless forced: then its generations are cancelled and it is unloaded. What comes with mixgate, or lies outside the models folders, cannot be removed.',
  })
  removeVariant(
    @Arg('id', () => ID) id: string,
    @Arg('force', () => Boolean, { nullable: true, defaultValue: false }) force: boolean | null,
    @Ctx() context: RequestContext,
  ): Promise<number> {
    return removeVariant(id, force === true, context, context.caller);
  }

  @FieldResolver(() => ModelSettings, {
    nullable: true,
    description: 'Null where no manifest says anything.',
  })
  settings(@Root() { id }: ModelFacts, @Ctx() { settings }: Services): ModelSettings | null {
    return settings.get(id);
  }
}

@Resolver(() => Variant)
export class VariantResolver {
  @FieldResolver(() => Model)
  model(@Root() { id }: KnownVariant, @Ctx() { catalog }: Services): ModelFacts<KnownVariant> {
    return catalog.modelOf(id);
  }

  @FieldResolver(() => VariantAvailability)
  availability(@Root() { id }: KnownVariant, @Ctx() { catalog }: Services): VariantAvailability {
    return VariantAvailability[catalog.availability(id)];
  }

  @FieldResolver(() => Boolean, {
    description: 'False where it is not on this machine, and for what comes with mixgate.',
  })
  isRemovable(@Root() { id }: KnownVariant, @Ctx() { catalog }: Services): boolean {
    return catalog.isRemovable(id);
  }
}

import { Arg, Ctx, FieldResolver, ID, Query, Resolver, Root } from 'type-graphql';
import type { LocalVariant, ModelFacts } from '../../models/catalog.ts';
import type { Services } from '../services.ts';
import { Model, Variant, VariantAvailability } from './types.ts';

@Resolver(() => Model)
export class ModelResolver {
  @Query(() => [Model], { description: 'The models in the models folders, by id.' })
  models(@Ctx() { catalog }: Services): readonly ModelFacts[] {
    return catalog.models();
  }

  @Query(() => Model, { nullable: true, description: 'Null when there is none under this id.' })
  model(@Arg('id', () => ID) id: string, @Ctx() { catalog }: Services): ModelFacts | null {
    return catalog.models().find((model) => model.id === id) ?? null;
  }
}

@Resolver(() => Variant)
export class VariantResolver {
  @FieldResolver(() => Model)
  model(@Root() { modelId }: LocalVariant, @Ctx() { catalog }: Services): ModelFacts {
    return catalog.model(modelId);
  }

  @FieldResolver(() => VariantAvailability)
  availability(): VariantAvailability {
    return VariantAvailability.LOCAL;
  }
}

import { maySee, SEES_ALL, type Viewer } from '../access/ownership.ts';
import { MixgateError } from '../errors.ts';
import type { Catalog } from '../models/catalog.ts';
import type { Generations } from './generations.ts';
import type { ResidencyLoop } from './residency-loop.ts';

interface RemovalServices {
  readonly catalog: Catalog;
  readonly generations: Generations;
  readonly residency: ResidencyLoop;
}

/**
 * Deletes a variant's files and tells the bytes that came back. With `force` what uses it, whosever it is, is cancelled and
 * unloaded first.
 * @throws IN_USE while it is resident or in use and `force` is false, with the generations that the viewer may see, or while
 * it is being loaded; as `Catalog.remove`
 */
export async function removeVariant(
  variantId: string,
  force: boolean,
  { catalog, generations, residency }: RemovalServices,
  viewer: Viewer,
): Promise<number> {
  const { id } = catalog.variant(variantId);
  catalog.checkRemovable(id);
  const users = generations.using(id);
  const residents = () => residency.residents().filter(({ plan }) => plan.variantId === id);
  if (!force && (users.length > 0 || isOccupied(id, residency)))
    throw new MixgateError(
      'IN_USE',
      `${id} is loaded or in use (${users.length} generations): unload it first, or remove it with force.`,
      {
        variant: id,
        generations: users.filter((each) => maySee(viewer, each)).map((generation) => generation.id),
        residents: residents().map((each) => each.id),
      },
    );
  await Promise.all(users.map((generation) => generations.cancel(generation.id, SEES_ALL)));
  await Promise.all(residents().map((resident) => residency.unload(resident.id)));
  if (isOccupied(id, residency))
    throw new MixgateError('IN_USE', `${id} is being loaded: try again in a moment.`, { variant: id });
  return catalog.remove(id);
}

const isOccupied = (variantId: string, residency: ResidencyLoop): boolean =>
  residency.occupants().some(({ plan }) => plan.variantId === variantId);

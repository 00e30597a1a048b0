import { MixgateError } from '../errors.ts';
import type { Experts } from '../routing/weights.ts';
import { shapeOf, type Entry, type KnownVariant, type LocalVariant, type ModelIdentity } from './variant.ts';

/** A model, whatever its quantization; its numbers are its largest variant's. */
export interface ModelFacts<Variant extends KnownVariant = LocalVariant> extends ModelIdentity {
  readonly parameters: number;
  readonly activeParameters: number;
  readonly experts: Experts | null;
  readonly layers: number;
  /** Tokens the model was trained for. */
  readonly contextLength: number;
  /** Smallest first. */
  readonly variants: readonly Variant[];
}

/**
 * Entries with ids that tell them apart: what has one name but different shapes is several models, and then each of
 * them carries its size in its id, so that none is taken for another.
 */
export function named<Variant extends KnownVariant>(entries: readonly Entry<Variant>[]): Entry<Variant>[] {
  const shapes = new Map<string, Map<string, Entry<Variant>[]>>();
  for (const entry of entries) {
    const byShape = shapes.get(entry.model.id) ?? new Map<string, Entry<Variant>[]>();
    const shape = shapeOf(entry.variant.weights);
    byShape.set(shape, [...(byShape.get(shape) ?? []), entry]);
    shapes.set(entry.model.id, byShape);
  }
  return [...shapes.values()].flatMap((byShape) => {
    if (byShape.size === 1) return [...byShape.values()].flat();
    const sizes = [...byShape.values()].map(([first]) => sizeLabel(first!.variant.weights.parameters));
    const areDistinct = new Set(sizes).size === sizes.length;
    return [...byShape].flatMap(([shape, group], index) =>
      group.map((entry) => renamed(entry, `${entry.model.id}-${areDistinct ? sizes[index] : shape}`)),
    );
  });
}

function renamed<Variant extends KnownVariant>(
  { model, variant }: Entry<Variant>,
  id: string,
): Entry<Variant> {
  return {
    model: { ...model, id },
    variant: { ...variant, id: `${id}:${variant.quantization}`, modelId: id },
  };
}

/** `6.7b`, `46.7b`, `12.9m`. */
function sizeLabel(parameters: number): string {
  const [unit, per] = parameters >= 1e9 ? ['b', 1e9] : ['m', 1e6];
  return `${(parameters / Number(per)).toFixed(1)}${unit}`;
}

/** The models that the entries are of, by id. */
export function grouped<Variant extends KnownVariant>(
  entries: Iterable<Entry<Variant>>,
): ModelFacts<Variant>[] {
  const byModel = new Map<string, Entry<Variant>[]>();
  for (const entry of entries) byModel.set(entry.model.id, [...(byModel.get(entry.model.id) ?? []), entry]);
  return [...byModel.values()]
    .map((group) => modelFacts(group.toSorted((a, b) => a.variant.sizeBytes - b.variant.sizeBytes)))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** GGUF's numbers before MLC's, which leave out the template and the licence. */
export function modelFacts<Variant extends KnownVariant>(
  entries: readonly Entry<Variant>[],
): ModelFacts<Variant> {
  const { model, variant } = entries.findLast((entry) => entry.variant.format === 'GGUF') ?? entries.at(-1)!;
  const { parameters, activeParameters, experts, layers, contextLength } = variant.weights;
  const variants = entries.map((entry) => entry.variant);
  return { ...model, parameters, activeParameters, experts, layers, contextLength, variants };
}

/** Of a model, all variants or those of one quantization; at least one. @throws VARIANT_NOT_AVAILABLE */
export function variantsOf<Variant extends KnownVariant>(
  { id, variants }: ModelFacts<Variant>,
  quantization: string | null,
): readonly Variant[] {
  if (quantization === null) return variants;
  const wanted = quantization.toUpperCase();
  const found = variants.filter((variant) => variant.quantization.toUpperCase() === wanted);
  if (found.length > 0) return found;
  const quantizations = variants.map((variant) => variant.quantization);
  throw new MixgateError(
    'VARIANT_NOT_AVAILABLE',
    `${id} is not here as ${quantization}, only as ${quantizations.join(', ')}.`,
    { quantizations },
  );
}

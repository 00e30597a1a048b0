import pLimit from 'p-limit';
import { MixgateError, messageOf } from '../../errors.ts';
import { QUANTIZATION_NAMES } from '../quantization.ts';
import type { Entry, KnownVariant } from '../variant.ts';
import type { Offer, OfferedVariant } from './offer.ts';
import type { Selection } from './source.ts';

/** An offered variant with what its headers say; null where they cannot be read without the rest. */
export interface Examined {
  readonly offered: OfferedVariant;
  readonly entry: Entry<KnownVariant> | null;
}

export type Examine = (offered: OfferedVariant) => Promise<Entry<KnownVariant> | null>;

/** Picks what this machine runs best. @throws NO_PLAN_FITS, BACKEND_UNAVAILABLE */
export type ChooseBest = (
  entries: readonly Entry<KnownVariant>[],
) => Promise<{ readonly variantId: string; readonly reasons: readonly string[] }>;

export interface Choice {
  readonly variants: readonly Examined[];
  /** Why these, a sentence each. */
  readonly reasons: readonly string[];
}

/** Headers read at once. */
const CONCURRENCY = 4;
/** Variants whose headers are read for one question. */
const MAX_EXAMINED = 200;

/** What to pull of an offer. @throws VARIANT_NOT_AVAILABLE with what there is; what reading headers throws; as `ChooseBest` */
export async function choose(
  { variants }: Offer,
  selection: Selection,
  { examine, best }: { readonly examine: Examine; readonly best: ChooseBest },
): Promise<Choice> {
  const isOnly = selection.kind === 'best' && variants.length === 1;
  if (selection.kind === 'all') return { variants: await examineAll(variants, examine), reasons: [] };
  if (isOnly) return theOnly(variants, { examine, best });
  if (selection.kind === 'named') return chooseNamed({ variants }, selection, examine);
  const examined = await examineAll(variants, examine);
  const entries = examined.flatMap(({ entry }) => entry ?? []);
  if (entries.length === 0)
    throw new MixgateError(
      'VARIANT_NOT_AVAILABLE',
      `Headers cannot be read here before the download: name one of ${labelsOf(variants)}.`,
    );
  const { variantId, reasons } = await best(entries);
  return { variants: examined.filter(({ entry }) => entry?.variant.id === variantId).slice(0, 1), reasons };
}

/** There is no choice; but how it would be run here, or why not, is worth a word. */
async function theOnly(
  variants: readonly OfferedVariant[],
  { examine, best }: { readonly examine: Examine; readonly best: ChooseBest },
): Promise<Choice> {
  const examined = await examineAll(variants, examine);
  const entries = examined.flatMap(({ entry }) => entry ?? []);
  if (entries.length === 0) return { variants: examined, reasons: [] };
  const reasons = await best(entries).then(
    (choice) => choice.reasons,
    (error: unknown) => [messageOf(error)],
  );
  return { variants: examined, reasons };
}

/** What can be used of them. @throws what is wrong with the first, where none can; what opening throws */
export async function examineAll(variants: readonly OfferedVariant[], examine: Examine): Promise<Examined[]> {
  if (variants.length > MAX_EXAMINED)
    throw new MixgateError('INVALID_INPUT', `There are ${variants.length} variants: name the ones you want.`);
  const limit = pLimit(CONCURRENCY);
  const unusable: MixgateError[] = [];
  const examined = await Promise.all(
    variants.map((offered) =>
      limit(async (): Promise<Examined | null> => {
        try {
          return { offered, entry: await examine(offered) };
        } catch (error) {
          if (!(error instanceof MixgateError) || error.code !== 'VARIANT_NOT_AVAILABLE') throw error;
          unusable.push(error);
          return null;
        }
      }),
    ),
  );
  const usable = examined.filter((each) => each !== null);
  if (usable.length === 0 && unusable[0] !== undefined) throw unusable[0];
  return usable;
}

const labelsOf = (variants: readonly OfferedVariant[]): string =>
  [...new Set(variants.map(({ label }) => label))].join(', ');

/** What was asked for by name. @throws VARIANT_NOT_AVAILABLE with what there is; what reading headers throws */
export async function chooseNamed(
  { variants }: Pick<Offer, 'variants'>,
  { names }: Extract<Selection, { kind: 'named' }>,
  examine: Examine,
): Promise<Choice> {
  const found: Examined[] = [];
  const reasons: string[] = [];
  for (const name of names) {
    const { examined, reason } = await oneByName(variants, name, examine);
    found.push(examined);
    if (reason !== null) reasons.push(reason);
  }
  return { variants: [...new Map(found.map((each) => [each.offered, each])).values()], reasons };
}

/** Files are looked for by their names, and believed by their tensor tables: where the two disagree, the tables decide. */
async function oneByName(
  variants: readonly OfferedVariant[],
  name: string,
  examine: Examine,
): Promise<{ readonly examined: Examined; readonly reason: string | null }> {
  const called = variants.find(({ label }) => label.toUpperCase() === name);
  const first = called === undefined ? null : { offered: called, entry: await examine(called) };
  const real = first?.entry?.variant.quantization ?? null;
  const isAsCalled = real === null || real.toUpperCase() === name || !QUANTIZATION_NAMES.includes(name);
  if (first !== null && isAsCalled) return { examined: first, reason: null };
  const others = await examineAll(
    variants.filter((variant) => variant !== called),
    examine,
  );
  const match = others.find(({ entry }) => entry?.variant.quantization.toUpperCase() === name);
  if (match !== undefined) {
    const isRenamed = match.offered.format === 'GGUF';
    const reason = `${match.offered.files[0]!.name} is ${name}, whatever it is called.`;
    return { examined: match, reason: isRenamed ? reason : null };
  }
  if (first !== null)
    return { examined: first, reason: `It is called ${name}; by its tensor table it is ${real}.` };
  const labels = labelsOf(variants);
  throw new MixgateError('VARIANT_NOT_AVAILABLE', `There is no ${name} here, only ${labels}.`, {
    quantizations: variants.map(({ label }) => label),
  });
}

import { grouped } from '../models/grouping.ts';
import type { ChooseBest } from '../models/pull/choose.ts';
import type { Inspections } from '../models/pull/inspections.ts';
import { isSource } from '../models/pull/source.ts';
import type { Entry, KnownVariant } from '../models/variant.ts';
import type { PlanResult } from '../routing/plan.ts';
import { plainSubject, type Planner } from './planner.ts';
import type { ModelPlanRequest } from './request.ts';

/** How long a source may take to be looked at, milliseconds. */
const INSPECT_MS = 10 * 60_000;

/** A dry run for a model that is here, or for what a source has, from its headers. @throws as `Planner.dryRun` and `Inspections.inspect` */
export async function planFor(
  request: ModelPlanRequest,
  { planner, inspections }: { readonly planner: Planner; readonly inspections: Inspections },
): Promise<PlanResult> {
  if (!isSource(request.model)) return planner.dryRun(request);
  return planner.dryRun({ ...request, elsewhere: await inspectSource(request.model, inspections) });
}

/** What a source has, as one model, from its headers. @throws as `Inspections.inspect` */
export const inspectSource = async (source: string, inspections: Inspections) =>
  together(await inspections.inspect(source, AbortSignal.timeout(INSPECT_MS)));

/** For pulls: the quantization that this machine would run, and why. */
export const bestBy =
  (planner: Planner): ChooseBest =>
  async (entries) => {
    const elsewhere = together(entries);
    const { variantId, reasons } = await planner.choose({ ...plainSubject(elsewhere.id), elsewhere });
    return { variantId, reasons };
  };

/** What one source has is one model, though its files may say different names. */
function together(entries: readonly Entry<KnownVariant>[]) {
  const { model } = entries.at(-1)!;
  return grouped(entries.map((entry) => ({ ...entry, model })))[0]!;
}

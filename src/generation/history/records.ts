import { z } from 'zod';
import type { Entry as VariantEntry, KnownVariant } from '../../models/variant.ts';
import { Comparison, type Judgement, type KeptComparison } from '../comparison/comparison.ts';
import type { GenerationHappening } from '../events.ts';
import { Generation, type KeptGeneration } from '../generation.ts';
import type { Evaluation } from '../quality/evaluation.ts';
import { comparisonColumns } from './comparison-columns.ts';
import { evaluationColumns } from './evaluation-columns.ts';
import { generationColumns, type GenerationColumns } from './generation-columns.ts';
import type { ComparisonEntry, Entry, EvaluationEntry, VariantRecord } from './history-store.ts';

/** How things become the JSON of the history and come back. */

/** A chunk of an answer, short because there are so many. */
type PackedEvent =
  | Exclude<GenerationHappening, { type: 'TokenChunk' }>
  | readonly [text: string, tokens: number, tokenIds?: readonly number[]];

function packed(event: GenerationHappening): PackedEvent {
  if (event.type !== 'TokenChunk') return event;
  const { text, tokens, tokenIds } = event;
  return tokenIds === undefined ? [text, tokens] : [text, tokens, tokenIds];
}

function unpacked(event: PackedEvent): GenerationHappening {
  if (!Array.isArray(event)) return event as Exclude<PackedEvent, readonly unknown[]>;
  const [text, tokens, tokenIds] = event as Extract<PackedEvent, readonly unknown[]>;
  return { type: 'TokenChunk', text, tokens, tokenIds };
}

type GenerationRecord = Omit<KeptGeneration, 'events'> & { readonly events: readonly PackedEvent[] };

/** `variantOf` tells what is known of a variant, for when it is gone. */
export function generationEntry(
  generation: Generation,
  variantOf: (variantId: string) => VariantEntry<KnownVariant> | null,
): Entry<GenerationColumns> {
  const { events, ...kept } = generation.keep();
  const record: GenerationRecord = { ...kept, events: events.map(packed) };
  const variant = generation.plan === null ? null : variantOf(generation.plan.variantId);
  return {
    columns: generationColumns(generation),
    record: written(record),
    variant: variant === null ? null : variantFacts(variant),
  };
}

/** Without where its files are. */
function variantFacts({ model, variant }: VariantEntry<KnownVariant>): VariantRecord {
  const facts = { ...variant, path: undefined, files: undefined };
  return { id: variant.id, facts: JSON.stringify({ model, variant: facts }) };
}

export const restoredVariant = (facts: string): VariantEntry<KnownVariant> =>
  JSON.parse(facts) as VariantEntry<KnownVariant>;

const recordSchema = z.object({ version: z.literal(1), value: z.unknown() });

const written = (value: object): string => JSON.stringify({ version: 1, value });

/** @throws where a newer mixgate wrote it */
const parsed = <Value>(record: string): Value => recordSchema.parse(JSON.parse(record)).value as Value;

export function restoredGeneration(record: string): Generation {
  const { events, ...kept } = parsed<GenerationRecord>(record);
  return Generation.restore({ ...kept, events: events.map(unpacked) });
}

export function comparisonEntry(
  comparison: Comparison,
  variantOf: (variantId: string) => VariantEntry<KnownVariant> | null,
): ComparisonEntry {
  return {
    columns: comparisonColumns(comparison),
    record: written(comparison.keep()),
    generations: comparison.lanes.map(({ generation }) => generationEntry(generation, variantOf)),
    votes: comparison.votes,
  };
}

export function restoredComparison(
  record: string,
  judgement: Judgement,
  generations: ReadonlyMap<string, string>,
): Comparison {
  const kept = parsed<KeptComparison>(record);
  return Comparison.restore(kept, judgement, (id) => restoredGeneration(generations.get(id)!));
}

export const evaluationEntry = (evaluation: Evaluation): EvaluationEntry => ({
  columns: evaluationColumns(evaluation),
  record: written(evaluation),
});

export function restoredEvaluation(record: string): Evaluation {
  const { createdAt, finishedAt, ...kept } = parsed<Evaluation>(record);
  return { ...kept, createdAt: new Date(createdAt), finishedAt: new Date(finishedAt) };
}

/** Ids of a comparison's generations, by lane. */
export const generationIdsOf = (record: string): string[] =>
  parsed<KeptComparison>(record).lanes.map(({ generationId }) => generationId);

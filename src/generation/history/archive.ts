import { seenBy, type Viewer } from '../../access/ownership.ts';
import type { Entry as VariantEntry, KnownVariant } from '../../models/variant.ts';
import type { Comparison } from '../comparison/comparison.ts';
import type { Generation } from '../generation.ts';
import type { Evaluation } from '../quality/evaluation.ts';
import { comparisonColumns, matchesComparison, type ComparisonFilter } from './comparison-columns.ts';
import { evaluationColumns, matchesEvaluation, type EvaluationFilter } from './evaluation-columns.ts';
import { generationColumns, matchesGeneration, type GenerationFilter } from './generation-columns.ts';
import type { History } from './history.ts';
import type {
  HistoryKind,
  HistoryStore,
  PageQuery,
  StoredComparison,
  StoredGeneration,
  StoredJudgement,
} from './history-store.ts';
import {
  comparisonEntry,
  evaluationEntry,
  generationEntry,
  restoredComparison,
  restoredEvaluation,
  restoredGeneration,
  restoredVariant,
} from './records.ts';

/** What is known of variants, also of those that are gone. */
export interface VariantMemory {
  findEntry(variantId: string): VariantEntry<KnownVariant> | null;
  remember(entry: VariantEntry<KnownVariant>): void;
}

export interface Page<Item> {
  readonly page: readonly Item[];
  readonly hasNextPage: boolean;
}

/** A page that lists nothing. */
const NOTHING: readonly never[] = [];

/** Generations, comparisons and evaluations as the history keeps them, and what of them is still in memory. */
export class Archive {
  readonly history: History;
  readonly #variants: VariantMemory;
  /** Being restored, so that two who ask at once get the same one. */
  readonly #restoring = new Map<string, Promise<Comparison | null>>();

  constructor(history: History, variants: VariantMemory) {
    this.history = history;
    this.#variants = variants;
  }

  saveGeneration(subject: Generation): void {
    const { id, sizeBytes } = subject;
    const change = () => ({ kind: 'generation', entry: generationEntry(subject, this.#entryOf) }) as const;
    this.history.save('generation', id, { subject, sizeBytes, change });
  }

  /** With its generations. */
  saveComparison(subject: Comparison): void {
    const { id, sizeBytes } = subject;
    const change = () => ({ kind: 'comparison', entry: comparisonEntry(subject, this.#entryOf) }) as const;
    this.history.save('comparison', id, { subject, sizeBytes, change });
  }

  saveEvaluation(subject: Evaluation): void {
    const change = () => ({ kind: 'evaluation', entry: evaluationEntry(subject) }) as const;
    this.history.save('evaluation', subject.id, { subject, sizeBytes: 1000, change });
  }

  /** @throws HISTORY_UNAVAILABLE */
  async generation(id: string, viewer: Viewer): Promise<Generation | null> {
    const pending = this.history.pending<Generation>('generation', id) ?? this.#pendingLane(id);
    const seen = seenBy(viewer, pending);
    if (seen !== null) return seen;
    const stored = await this.history.ask((store) => store.generation(id, viewer.sees), null);
    return stored === null ? null : (await this.#generationsOf([stored]))[0]!;
  }

  /** @throws HISTORY_UNAVAILABLE */
  comparison(id: string, viewer: Viewer): Promise<Comparison | null> {
    const pending = seenBy(viewer, this.history.pending<Comparison>('comparison', id));
    if (pending !== null) return Promise.resolve(pending);
    const key = JSON.stringify([id, viewer.sees]);
    const restoring =
      this.#restoring.get(key) ??
      this.#storedComparison(id, viewer).finally(() => this.#restoring.delete(key));
    this.#restoring.set(key, restoring);
    return restoring;
  }

  /** @throws HISTORY_UNAVAILABLE */
  async evaluation(id: string, viewer: Viewer): Promise<Evaluation | null> {
    const pending = seenBy(viewer, this.history.pending<Evaluation>('evaluation', id));
    if (pending !== null) return pending;
    const record = await this.history.ask((store) => store.evaluation(id, viewer.sees), null);
    return record === null ? null : restoredEvaluation(record);
  }

  /** Newest first, `live` ones among them. @throws HISTORY_UNAVAILABLE */
  async generations(
    query: PageQuery<GenerationFilter>,
    live: readonly Generation[],
  ): Promise<Page<Generation>> {
    const stored = await this.history.ask((store) => store.generations(more(query)), NOTHING);
    const ours = [...live, ...this.history.allPending<Generation>('generation')].filter((generation) =>
      matchesGeneration(generationColumns(generation), query.filter, generation.isConcealed),
    );
    return merged(query, ours, await this.#generationsOf(stored));
  }

  /** Newest first, `live` ones among them. @throws HISTORY_UNAVAILABLE */
  async comparisons(
    query: PageQuery<ComparisonFilter>,
    live: readonly Comparison[],
  ): Promise<Page<Comparison>> {
    const stored = await this.history.ask((store) => store.comparisons(more(query)), NOTHING);
    const ours = [...live, ...this.history.allPending<Comparison>('comparison')].filter((comparison) =>
      matchesComparison(comparisonColumns(comparison), query.filter),
    );
    return merged(query, ours, await Promise.all(stored.map((each) => this.#comparisonOf(each))));
  }

  /** Newest first. @throws HISTORY_UNAVAILABLE */
  async evaluations(query: PageQuery<EvaluationFilter>): Promise<Page<Evaluation>> {
    const stored = await this.history.ask((store) => store.evaluations(more(query)), NOTHING);
    const ours = this.history
      .allPending<Evaluation>('evaluation')
      .filter((evaluation) => matchesEvaluation(evaluationColumns(evaluation), query.filter));
    return merged(query, ours, stored.map(restoredEvaluation));
  }

  /** Of all comparisons that may be told; what `live` ones say counts before what was stored of them. @throws HISTORY_UNAVAILABLE */
  async judgements(live: readonly Comparison[]): Promise<StoredJudgement[]> {
    const stored = await this.history.ask((store) => store.judgements(), NOTHING);
    const ours = [...this.history.allPending<Comparison>('comparison'), ...live];
    const all = [...stored, ...ours.map(({ id, judged }) => ({ comparisonId: id, ...judged }))];
    return [...new Map(all.map((judged) => [judged.comparisonId, judged])).values()];
  }

  /** Whether there was one. @throws HISTORY_UNAVAILABLE */
  async remove(kind: HistoryKind, id: string, viewer: Viewer): Promise<boolean> {
    return (await this[kind](id, viewer)) !== null && this.history.remove(kind, id);
  }

  readonly #entryOf = (variantId: string): VariantEntry<KnownVariant> | null =>
    this.#variants.findEntry(variantId);

  #pendingLane(id: string): Generation | null {
    const lanes = this.history.allPending<Comparison>('comparison').flatMap((comparison) => comparison.lanes);
    return lanes.find(({ generation }) => generation.id === id)?.generation ?? null;
  }

  async #storedComparison(id: string, { sees }: Viewer): Promise<Comparison | null> {
    const stored = await this.history.ask((store) => store.comparison(id, sees), null);
    return stored === null ? null : this.#comparisonOf(stored);
  }

  async #comparisonOf({ record, generations, ...judgement }: StoredComparison): Promise<Comparison> {
    const comparison = restoredComparison(record, judgement, generations);
    await this.#recall(comparison.lanes.map(({ generation }) => generation));
    return comparison;
  }

  async #generationsOf(stored: readonly StoredGeneration[]): Promise<Generation[]> {
    const generations = stored.map(({ record, isConcealed }) => {
      const generation = restoredGeneration(record);
      generation.isConcealed = isConcealed;
      return generation;
    });
    await this.#recall(generations);
    return generations;
  }

  /** Variants that ran and are gone since. */
  async #recall(generations: readonly Generation[]): Promise<void> {
    const ids = generations.flatMap(({ plan }) => (plan === null ? [] : [plan.variantId]));
    const unknown = [...new Set(ids)].filter((id) => this.#variants.findEntry(id) === null);
    if (unknown.length === 0) return;
    const recall = (store: HistoryStore) => store.variants(unknown);
    for (const { facts } of await this.history.ask(recall, NOTHING))
      this.#variants.remember(restoredVariant(facts));
  }
}

/** One more, which tells whether there is a next page. */
const more = <Filter>({ first, ...query }: PageQuery<Filter>): PageQuery<Filter> => ({
  ...query,
  first: first + 1,
});

/** What is in memory counts before what was stored of it. */
function merged<Item extends { readonly id: string }>(
  { first, after }: PageQuery<unknown>,
  ours: readonly Item[],
  stored: readonly Item[],
): Page<Item> {
  const seen = ours.filter(({ id }) => after === null || id < after);
  const all = [...new Map([...stored, ...seen].map((item) => [item.id, item])).values()];
  const newestFirst = all.toSorted((a, b) => (a.id < b.id ? 1 : -1));
  return { page: newestFirst.slice(0, first), hasNextPage: newestFirst.length > first };
}

import type { ComparisonColumns, ComparisonFilter } from './comparison-columns.ts';
import type { EvaluationColumns, EvaluationFilter } from './evaluation-columns.ts';
import type { GenerationColumns, GenerationFilter } from './generation-columns.ts';
import type { Judged, Vote } from '../comparison/votes.ts';

/** What is stored of one thing: what it can be found by, and all of it as JSON. */
export interface Entry<Columns> {
  readonly columns: Columns;
  readonly record: string;
  /** The variant that was run, and what was known of it. */
  readonly variant: VariantRecord | null;
}

export interface VariantRecord {
  readonly id: string;
  readonly facts: string;
}

export type EvaluationEntry = Omit<Entry<EvaluationColumns>, 'variant'>;

export interface ComparisonEntry extends Omit<Entry<ComparisonColumns>, 'variant'> {
  readonly generations: readonly Entry<GenerationColumns>[];
  readonly votes: readonly Vote[];
}

/** A change that is to be stored. The same one twice is as good as once. */
export type HistoryChange =
  | { readonly kind: 'generation'; readonly entry: Entry<GenerationColumns> }
  | { readonly kind: 'comparison'; readonly entry: ComparisonEntry }
  | { readonly kind: 'evaluation'; readonly entry: EvaluationEntry };

export type HistoryKind = HistoryChange['kind'];

export interface StoredGeneration {
  readonly record: string;
  /** Lane of a blind comparison that is not voted on. */
  readonly isConcealed: boolean;
}

export interface StoredComparison {
  readonly record: string;
  readonly isRevealed: boolean;
  readonly votes: readonly Vote[];
  /** By id, of its lanes. */
  readonly generations: ReadonlyMap<string, string>;
}

/** Newest first: `first` of those before the one with the id `after`. */
export interface PageQuery<Filter> {
  readonly filter: Filter;
  readonly first: number;
  readonly after: string | null;
}

/** Which variants ran in a comparison that may be told, by lane, and what was said of them. */
export interface StoredJudgement extends Judged {
  readonly comparisonId: string;
}

export interface Retention {
  /** What was created before is removed; milliseconds since 1970. */
  readonly before: number | null;
  /** The oldest are removed until what is left takes no more, bytes. */
  readonly maxBytes: number | null;
}

export interface HistoryUsage {
  readonly generations: number;
  readonly comparisons: number;
  readonly evaluations: number;
  /** Of all records and what they are found by. */
  readonly bytes: number;
}

/** Where history is kept. Every method may reject: the database may be away, or its disk full. */
export interface HistoryStore {
  /** All or none. */
  save(changes: readonly HistoryChange[]): Promise<void>;
  /** By id, and where `callerId` is not null only what that caller asked for. */
  generation(id: string, callerId: string | null): Promise<StoredGeneration | null>;
  comparison(id: string, callerId: string | null): Promise<StoredComparison | null>;
  evaluation(id: string, callerId: string | null): Promise<string | null>;
  generations(query: PageQuery<GenerationFilter>): Promise<readonly StoredGeneration[]>;
  comparisons(query: PageQuery<ComparisonFilter>): Promise<readonly StoredComparison[]>;
  evaluations(query: PageQuery<EvaluationFilter>): Promise<readonly string[]>;
  /** What was known of variants that ran. */
  variants(ids: readonly string[]): Promise<readonly VariantRecord[]>;
  /** Of all comparisons with votes. */
  judgements(): Promise<readonly StoredJudgement[]>;
  /** Whether there was one. A comparison goes with its lanes and votes. */
  remove(kind: HistoryKind, id: string): Promise<boolean>;
  /** What is too old, and the oldest of what is too much; how many. */
  sweep(retention: Retention): Promise<number>;
  usage(): Promise<HistoryUsage>;
  /** Name of the newest migration of its schema. */
  schemaVersion(): Promise<string>;
  close(): Promise<void>;
}

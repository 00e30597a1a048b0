/** The tables, the same in SQLite and PostgreSQL. Times are milliseconds since 1970, booleans 0 or 1, records JSON. */
export interface Database {
  readonly generations: GenerationsTable;
  readonly comparisons: ComparisonsTable;
  readonly comparison_models: { readonly comparison_id: string; readonly model_id: string };
  readonly votes: VotesTable;
  readonly evaluations: EvaluationsTable;
  readonly variants: { readonly id: string; readonly facts: string };
}

/** Ids are UUIDs of version 7: their order is the order of creation. */
interface Kept {
  readonly id: string;
  readonly caller_id: string;
  readonly created_at: number;
  /** Of record and search text. */
  readonly size_bytes: number;
  readonly record: string;
}

export interface GenerationsTable extends Kept {
  readonly comparison_id: string | null;
  readonly state: string;
  readonly model_id: string;
  readonly variant_id: string | null;
  readonly quantization: string | null;
  readonly backend_id: string | null;
  readonly device_id: string | null;
  readonly language: string | null;
  readonly has_drifted: number;
  readonly search_text: string;
}

export interface ComparisonsTable extends Kept {
  readonly is_revealed: number;
  readonly search_text: string;
}

export interface VotesTable {
  readonly comparison_id: string;
  readonly lane: number;
  readonly caller_id: string;
  readonly value: string;
  readonly comment: string | null;
  readonly is_blind: number;
  readonly created_at: number;
}

export interface EvaluationsTable extends Kept {
  readonly model_id: string;
}

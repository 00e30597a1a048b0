import type { Architecture, MlcNeeds, VariantFacts } from '../routing/weights.ts';

/** One file of a variant, on this machine. */
export interface WeightFile {
  readonly path: string;
  readonly sizeBytes: number;
}

/** A variant's facts, wherever its weights are. */
export interface KnownVariant extends VariantFacts {
  /** Null for GGUF. */
  readonly mlc: MlcNeeds | null;
}

/** A variant whose weights are on this machine. */
export interface LocalVariant extends KnownVariant {
  /** What a runtime opens: the file, the first of a split one, or MLC's folder. */
  readonly path: string;
  readonly files: readonly WeightFile[];
}

/** How a model cuts text, as its weights say. */
export interface Tokenizer {
  /** GGUF's `tokenizer.ggml.model`, e.g. `llama` (SentencePiece) or `gpt2` (byte-level BPE); null where the weights do not say. */
  readonly model: string | null;
  /** GGUF's `tokenizer.ggml.pre`: how text is cut before merges. */
  readonly preTokenizer: string | null;
  readonly vocabularySize: number;
}

/** What the variants of a model have in common. */
export interface ModelIdentity {
  readonly id: string;
  readonly name: string;
  readonly architecture: string;
  /** Jinja, or null. */
  readonly chatTemplate: string | null;
  readonly license: string | null;
  readonly tokenizer: Tokenizer;
}

/** A variant and the model it says it is of. */
export interface Entry<Variant extends KnownVariant = LocalVariant> {
  readonly model: ModelIdentity;
  readonly variant: Variant;
}

/** Weights of one name but another shape are another model. */
export const shapeOf = ({ layers, embeddingLength, experts }: Architecture): string =>
  `${layers}x${embeddingLength}${experts === null ? '' : `x${experts.count}`}`;

/** `Tiny Mixtral 8x2M Instruct (demo)` → `tiny-mixtral-8x2m-instruct-demo`; empty where nothing is left. */
export function slug(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9.]+/g, '-')
    .replaceAll(/^[-.]+|[-.]+$/g, '');
}

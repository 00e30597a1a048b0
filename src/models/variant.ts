import type { Architecture, VariantFacts } from '../routing/weights.ts';

/** One file of a variant, on this machine. */
export interface WeightFile {
  readonly path: string;
  readonly sizeBytes: number;
}

/** What a browser needs to run weights in MLC's format. */
export interface MlcNeeds {
  /** The model library (WebAssembly): a file beside the weights, or where web-llm's own list has it; null where neither does. */
  readonly library: string | null;
  /** The library's version, which must be the engine's, as web-llm names it; null where the library does not say. */
  readonly libraryVersion: string | null;
  /** Features that the browser's GPU must have. */
  readonly requiredFeatures: readonly string[];
  /** Memory it takes at its own context length, from web-llm's list; null where that does not have it. */
  readonly requiredBytes: number | null;
  /** The storage buffer that the GPU must allow; null where no list says. */
  readonly requiredBufferBytes: number | null;
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

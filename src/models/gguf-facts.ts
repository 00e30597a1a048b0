import path from 'node:path';
import { MixgateError } from '../errors.ts';
import { qualityLoss } from '../routing/quality.ts';
import { weightFacts, type Architecture, type TensorFacts, type VariantFacts } from '../routing/weights.ts';
import type { GgufHeader, GgufValue } from './gguf.ts';

/** A variant whose weights are on this machine. */
export interface LocalVariant extends VariantFacts {
  readonly path: string;
}

/** What the variants of a model have in common. */
export interface ModelIdentity {
  readonly id: string;
  readonly name: string;
  readonly architecture: string;
  /** Jinja, or null. */
  readonly chatTemplate: string | null;
  readonly license: string | null;
}

/** llama.cpp's `llama_ftype` (llama.h) by number, as `general.file_type` holds it. */
const FILE_TYPES: ReadonlyMap<number, string> = new Map([
  [0, 'F32'],
  [1, 'F16'],
  [2, 'Q4_0'],
  [3, 'Q4_1'],
  [7, 'Q8_0'],
  [8, 'Q5_0'],
  [9, 'Q5_1'],
  [10, 'Q2_K'],
  [11, 'Q3_K_S'],
  [12, 'Q3_K_M'],
  [13, 'Q3_K_L'],
  [14, 'Q4_K_S'],
  [15, 'Q4_K_M'],
  [16, 'Q5_K_S'],
  [17, 'Q5_K_M'],
  [18, 'Q6_K'],
  [19, 'IQ2_XXS'],
  [20, 'IQ2_XS'],
  [21, 'Q2_K_S'],
  [22, 'IQ3_XS'],
  [23, 'IQ3_XXS'],
  [24, 'IQ1_S'],
  [25, 'IQ4_NL'],
  [26, 'IQ3_S'],
  [27, 'IQ3_M'],
  [28, 'IQ2_S'],
  [29, 'IQ2_M'],
  [30, 'IQ4_XS'],
  [31, 'IQ1_M'],
  [32, 'BF16'],
  [36, 'TQ1_0'],
  [37, 'TQ2_0'],
  [38, 'MXFP4_MOE'],
]);

/** Model and variant of a file, from its metadata and tensor table. @throws VARIANT_NOT_AVAILABLE */
export function ggufFacts(header: GgufHeader, file: string): { model: ModelIdentity; variant: LocalVariant } {
  const fields = new Fields(header, file);
  const type = fields.text('general.type');
  if (type !== null && type !== 'model') throw fields.unusable(`holds a ${type}, not a model`);
  const weights = weightFacts(architectureOf(fields), header.tensors);
  if (weights.parameters === 0) throw fields.unusable('holds no weights');
  const name = fields.text('general.name') ?? nameOfFile(file);
  const modelId =
    slug(name) || slug(nameOfFile(file)) || fields.fail('has no name that an id can be made of');
  const quantization = quantizationOf(fields, header.tensors);
  const { parameters, experts, has2023ExpertMix } = weights;
  return {
    model: {
      id: modelId,
      name,
      architecture: fields.requiredText('general.architecture'),
      chatTemplate: fields.text('tokenizer.chat_template'),
      license: fields.text('general.license'),
    },
    variant: {
      id: `${modelId}:${quantization}`,
      modelId,
      quantization,
      format: 'GGUF',
      path: path.resolve(file),
      sizeBytes: header.fileBytes,
      bitsPerWeight: (weights.totalBytes * 8) / parameters,
      weights,
      qualityLoss: qualityLoss(quantization, {
        isMixtureOfExperts: experts !== null,
        has2023ExpertMix,
        parameters,
      }),
    },
  };
}

function architectureOf(fields: Fields): Architecture {
  const prefix = fields.requiredText('general.architecture');
  const embeddingLength = fields.requiredCount(`${prefix}.embedding_length`);
  const heads = fields.count(`${prefix}.attention.head_count`) ?? 1;
  const kvHeads = fields.count(`${prefix}.attention.head_count_kv`) ?? heads;
  // Models without attention (state space) say 0 heads.
  const headLength = heads === 0 ? 0 : embeddingLength / heads;
  const keyLength = fields.count(`${prefix}.attention.key_length`) ?? headLength;
  const valueLength = fields.count(`${prefix}.attention.value_length`) ?? headLength;
  const expertCount = fields.count(`${prefix}.expert_count`) ?? 0;
  const usedPerToken = fields.count(`${prefix}.expert_used_count`) ?? expertCount;
  return {
    layers: fields.requiredCount(`${prefix}.block_count`),
    contextLength: fields.requiredCount(`${prefix}.context_length`),
    embeddingLength,
    feedForwardLength: fields.count(`${prefix}.feed_forward_length`) ?? 4 * embeddingLength,
    vocabularySize: fields.count(`${prefix}.vocab_size`) ?? fields.length('tokenizer.ggml.tokens'),
    kvLengthPerLayer: kvHeads * (keyLength + valueLength),
    experts: expertCount > 0 ? { count: expertCount, usedPerToken } : null,
  };
}

/** Named by the file's metadata, else by the type that holds most bytes of the layers; never by the file's name. */
function quantizationOf(fields: Fields, tensors: readonly TensorFacts[]): string {
  const named = FILE_TYPES.get(fields.count('general.file_type') ?? -1);
  if (named !== undefined) return named;
  const bytesByType = new Map<string, number>();
  for (const { name, type, bytes } of tensors)
    if (name.startsWith('blk.')) bytesByType.set(type, (bytesByType.get(type) ?? 0) + bytes);
  return (
    [...bytesByType].toSorted((a, b) => b[1] - a[1])[0]?.[0] ?? fields.fail('does not say its quantization')
  );
}

const MAX_LAYERS = 10_000;

/** Metadata with the types that the architecture's keys must have. */
class Fields {
  readonly #header: GgufHeader;
  readonly #file: string;

  constructor(header: GgufHeader, file: string) {
    this.#header = header;
    this.#file = file;
  }

  text(key: string): string | null {
    const value = this.#header.metadata.get(key);
    return typeof value === 'string' && value !== '' ? value : null;
  }

  requiredText(key: string): string {
    return this.text(key) ?? this.fail(`does not say its ${key}`);
  }

  /** A whole number; of an array (one per layer), the largest. */
  count(key: string): number | null {
    const value = this.#header.metadata.get(key);
    if (value === undefined) return null;
    const numbers = (Array.isArray(value) ? value : [value]) as GgufValue[];
    const largest = numbers.reduce<number>(
      (most, one) => (typeof one === 'number' ? Math.max(most, one) : NaN),
      0,
    );
    return Number.isSafeInteger(largest) ? largest : this.fail(`has a ${key} that is no whole number`);
  }

  requiredCount(key: string): number {
    const count = this.count(key) ?? this.fail(`does not say its ${key}`);
    if (count < 1 || (key.endsWith('.block_count') && count > MAX_LAYERS))
      this.fail(`has an impossible ${key}: ${count}`);
    return count;
  }

  length(key: string): number {
    return this.#header.arrayLengths.get(key) ?? 0;
  }

  unusable(problem: string): MixgateError {
    return new MixgateError('VARIANT_NOT_AVAILABLE', `${this.#file} ${problem}.`, { path: this.#file });
  }

  fail(problem: string): never {
    throw this.unusable(problem);
  }
}

/** `foo-Q4_K_M.gguf` → `foo`, so that the quantizations of a model without a name are one model. */
function nameOfFile(file: string): string {
  const name = path.basename(file).replace(/\.gguf$/i, '');
  const suffix = [...FILE_TYPES.values()].find((type) => new RegExp(`.[-._]${type}$`, 'i').test(name));
  return suffix === undefined ? name : name.slice(0, -suffix.length - 1);
}

/** `Tiny Mixtral 8x2M Instruct (demo)` → `tiny-mixtral-8x2m-instruct-demo`. */
function slug(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9.]+/g, '-')
    .replaceAll(/^[-.]+|[-.]+$/g, '');
}

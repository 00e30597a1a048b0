import path from 'node:path';
import { MixgateError } from '../errors.ts';
import { qualityLoss } from '../routing/quality.ts';
import { weightFacts, type Architecture } from '../routing/weights.ts';
import type { GgufHeader, GgufValue } from './gguf.ts';
import { withoutSplit } from './gguf-split.ts';
import { QUANTIZATION_NAMES, quantizationOf } from './quantization.ts';
import { slug, type Entry, type ModelIdentity } from './variant.ts';

/** One file of a split model after the first. */
export interface GgufPart {
  readonly header: GgufHeader;
  readonly path: string;
}

/**
 * Model and variant of a file, from its metadata and tensor table; of a split one, from the first file's metadata
 * and all files' tensors. @throws VARIANT_NOT_AVAILABLE
 */
export function ggufFacts(header: GgufHeader, file: string, rest: readonly GgufPart[] = []): Entry {
  const fields = new Fields(header, file);
  const type = fields.text('general.type');
  if (type !== null && type !== 'model') throw fields.unusable(`holds a ${type}, not a model`);
  const tensors = [header, ...rest.map((part) => part.header)].flatMap((part) => part.tensors);
  const weights = weightFacts(architectureOf(fields), tensors);
  if (weights.parameters === 0) throw fields.unusable('holds no weights');
  const quantization =
    quantizationOf(tensors, fields.count('general.file_type')) ?? fields.fail('has no layers');
  const model = identityOf(fields, file, weights.vocabularySize);
  const { parameters, experts, has2023ExpertMix } = weights;
  const files = [{ header, path: file }, ...rest].map((part) => ({
    path: path.resolve(part.path),
    sizeBytes: part.header.fileBytes,
  }));
  return {
    model,
    variant: {
      id: `${model.id}:${quantization}`,
      modelId: model.id,
      quantization,
      format: 'GGUF',
      path: path.resolve(file),
      files,
      sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      bitsPerWeight: (weights.totalBytes * 8) / parameters,
      weights,
      qualityLoss: qualityLoss(quantization, {
        isMixtureOfExperts: experts !== null,
        has2023ExpertMix,
        parameters,
      }),
      mlc: null,
    },
  };
}

function identityOf(fields: Fields, file: string, vocabularySize: number): ModelIdentity {
  const name = fields.text('general.name') ?? nameOfFile(file);
  const id = slug(name) || slug(nameOfFile(file)) || fields.fail('has no name that an id can be made of');
  return {
    id,
    name,
    architecture: fields.requiredText('general.architecture'),
    chatTemplate: fields.text('tokenizer.chat_template'),
    license: fields.text('general.license'),
    tokenizer: {
      model: fields.text('tokenizer.ggml.model'),
      preTokenizer: fields.text('tokenizer.ggml.pre'),
      vocabularySize,
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
  const name = withoutSplit(path.basename(file)).replace(/\.gguf$/i, '');
  const suffix = QUANTIZATION_NAMES.find((type) => new RegExp(`.[-._]${type}$`, 'i').test(name));
  return suffix === undefined ? name : name.slice(0, -suffix.length - 1);
}
